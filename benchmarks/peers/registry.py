"""Who takes part: every peer with its environment, its worker, and the settings it tries, cheapest first."""

from dataclasses import dataclass

SIZES = {
    "cones": [(50, 5, 50), (200, 10, 100), (500, 20, 200), (2000, 50, 500)],
    "gates": [(50, 5, 50), (200, 10, 100), (500, 20, 200), (2000, 50, 500), (20000, 100, 500)],
    "network": [(50, 5, 50), (200, 10, 100), (20000, 100, 500)],
}
"""(n, d, P) per program. Networks use the patterns for nothing but the scale of beta."""

OURS = "convexnn"


@dataclass(frozen=True)
class Peer:
    """A competitor on one program: `ladder` holds its settings, tried in turn until one reaches the target.

    Where `climb` is false the settings are rivals, as in a small grid: all are tried and the best counts.
    `reference` are settings of an accurate answer that is not timed. `sizes` limits the rows (n) it is asked for.
    """

    name: str
    program: str
    environment: str
    ladder: tuple
    climb: bool = True
    reference: dict | None = None
    sizes: tuple = (0, 10**9)

    @property
    def script(self):
        """File name of the worker."""
        return f"worker_{self.environment}.py"

    def takes(self, n):
        """Whether the peer is asked for problems of n rows."""
        return self.sizes[0] <= n <= self.sizes[1]


def tolerances(*values, **fixed):
    """Return settings that differ in ``tol``."""
    return tuple({"tol": value, **fixed} for value in values)


def back_end(solver, names, *values):
    """Return cvxpy settings in which all the named options take each value in turn."""
    limit = {"max_iter": 500} if solver == "CLARABEL" else {"max_iters": 10**7}
    return tuple({"solver": solver, "options": {**limit, **dict.fromkeys(names, value)}} for value in values)


def adam(rates, **fixed):
    """Return settings of batched Adam over a grid of steps."""
    return tuple({"rate": rate, **fixed} for rate in rates)


CLARABEL = ("tol_gap_abs", "tol_gap_rel", "tol_feas")
SCS = ("eps_abs", "eps_rel")
TIGHT = {"nnls_tol": 1e-10, "pinball_tol": 1e-10, "max_iters": 1000}
LBFGS = {"solver": "lbfgs", "hidden_layer_sizes": [100]}
ALL_ROWS = {"width": 100, "seeds": 4, "steps": 3000, "schedule": "cosine", "batch": None}
ALL_AT_ONCE = {"width": 200, "seeds": 1, "steps": 300, "schedule": "cosine", "batch": None}
MINIBATCH = {"width": 200, "seeds": 1, "steps": 2000, "batch": 256}

PEERS = [
    Peer("cvxpy+Clarabel", "cones", "cvxpy", back_end("CLARABEL", CLARABEL, 1e-8, 1e-10)),
    Peer("cvxpy+SCS", "cones", "cvxpy", back_end("SCS", SCS, 1e-4, 1e-5, 1e-6, 1e-8)),
    Peer("pyscnn AL", "cones", "pyscnn", tolerances(1e-6, 1e-8, 1e-10)),
    Peer("adelie", "cones", "adelie", (*tolerances(1e-10, 1e-12, 1e-14, 1e-16), *tolerances(1e-15, cone=TIGHT))),
    Peer("adelie", "gates", "adelie", tolerances(1e-7, 1e-9, 1e-11, 1e-13, 1e-15, gated=True)),
    Peer("celer", "gates", "celer", tolerances(1e-4, 1e-6, 1e-8)),
    Peer("skglm", "gates", "skglm", tolerances(1e-4, 1e-6, 1e-8)),
    Peer(
        "MLPRegressor L-BFGS",
        "network",
        "sklearn",
        ({"seeds": 5, "options": {**LBFGS, "tol": 1e-10, "max_iter": 2000}},),
        climb=False,
        sizes=(0, 5000),
    ),
    Peer(
        "MLPRegressor Adam",
        "network",
        "sklearn",
        ({"seeds": 1, "options": {"hidden_layer_sizes": [100], "tol": 1e-7, "max_iter": 500}},),
        climb=False,
        sizes=(0, 5000),
    ),
    Peer(
        "torch Adam, 4 seeds",
        "network",
        "torch",
        adam((0.003, 0.01, 0.03), **ALL_ROWS),
        climb=False,
        sizes=(0, 5000),
    ),
    Peer(
        "torch Adam, all rows", "network", "torch", adam((0.01, 0.03), **ALL_AT_ONCE), climb=False, sizes=(5001, 10**9)
    ),
    Peer(
        "torch Adam, minibatch",
        "network",
        "torch",
        (
            *adam((0.001, 0.003, 0.01), schedule="one-cycle", **MINIBATCH),
            *adam((0.003,), schedule="cosine", **MINIBATCH),
        ),
        climb=False,
        sizes=(5001, 10**9),
    ),
]


def ours(program):
    """Return our own entry for a program."""
    if program == "network":  # whose bound is loose: no tolerance could be judged
        return Peer(OURS, program, OURS, tolerances(1e-6, program=program))
    reference = {"program": program, "tol": 1e-10}
    return Peer(OURS, program, OURS, tolerances(1e-6, 1e-7, 1e-8, program=program), reference=reference)
