"""convexnn's own side, timed as every peer is: the cone-constrained program, the gated one, and networks."""

import signal
from contextlib import contextmanager
from time import process_time

from serving import serve

from convexnn.programs import make_problem

SHARE = 0.8
"""Of the limit, after which the best point so far is asked for: a last bound takes its time too."""


def solve(problem, settings):
    """Return the answer to the program that ``settings["program"]`` names."""
    posed = make_problem(problem.X, problem.y, problem.beta)
    with interrupted_after(SHARE * settings["limit"]):
        return PROGRAMS[settings["program"]](posed, problem.masks, settings["tol"])


@contextmanager
def interrupted_after(seconds):
    """Interrupt as Ctrl-C does after some seconds of processor time: our solvers return their best point then."""

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def solve_cones(posed, masks, tol):
    """Solve over the given patterns; the dual point that proves the gap is left to the judge to find again."""
    from convexnn.solvers.restricted import solve_over_patterns

    solution = solve_over_patterns(posed, masks, tol=tol)
    note = f"own gap {solution.relative_gap:.0e}"
    return {"positive": solution.point.positive, "negative": solution.point.negative, "note": note}


def solve_gates(posed, masks, tol):
    """Solve the group lasso."""
    from convexnn.gated.solver import solve_gated

    solution = solve_gated(posed, masks, tol=tol)
    return {"weights": solution.blocks.T, "note": f"own gap {solution.relative_gap:.0e}"}


def solve_network(posed, masks, tol):
    """Train a network over all patterns by column generation; the given ones are not looked at."""
    from convexnn.solvers.solve import solve

    path, started = [], process_time()
    solution = solve(
        posed, tol=tol, proof="heuristic", report=lambda r: path.append((process_time() - started, r["objective"]))
    )
    network, certificate = solution.network, solution.certificate
    note = f"{solution.status.name}, width {network.width}, visible gap {certificate.heuristic_gap:.0e}"
    return {
        "neurons": network.hidden_weights,
        "outputs": network.output_weights,
        "bound": certificate.dual,
        "path": path,
        "note": note,
    }


PROGRAMS = {"cones": solve_cones, "gates": solve_gates, "network": solve_network}

if __name__ == "__main__":
    serve(solve)
