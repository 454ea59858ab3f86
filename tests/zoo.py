"""Problems with known answers, and data sets that are hard by their shape.

The answers of every `Known` problem are in closed form (but for `clarke_trap`); all of them have the squared loss
``1/2 ||f - y||^2``, data as given and no free terms unless `flags` says otherwise.
"""

from dataclasses import dataclass, field

import numpy as np

ROOT3 = np.sqrt(3.0)


@dataclass(frozen=True)
class Known:
    """A problem and what is known of its optimal set; None where nothing is.

    Attributes
    ----------
    value : float
        The optimal value p* (of the interpolation problems: the smallest ``1/2 sum (||u||^2 + alpha^2)``).
    fit, dual_point : ndarray of shape (n_samples,)
    directions : ndarray of shape (n_directions, n_inputs)
        Optimal unit directions, whose sign is in `signs`.
    components : dict
        Number of connected components of the optimal set by width; the last entry holds for larger widths too.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    beta: float
    value: float
    fit: np.ndarray | None = None
    dual_point: np.ndarray | None = None
    beta_max: float | None = None
    directions: np.ndarray | None = None
    signs: np.ndarray | None = None
    m_star: int | None = None
    M_star: int | None = None
    components: dict = field(default_factory=dict)
    is_unique: bool | None = None
    flags: dict = field(default_factory=dict)

    def __str__(self):
        return self.name


def _at_angles(degrees):
    angles = np.deg2rad(np.asarray(degrees, dtype=float))
    return np.column_stack([np.cos(angles), np.sin(angles)])


def two_rows(beta=0.1):
    """O1, for 0 < beta < 2: two vertices, of cardinality 1 and 2."""
    return Known(
        "two_rows",
        np.array([[-ROOT3, 1.0], [ROOT3, 1.0]]),
        np.ones(2),
        beta,
        beta - beta**2 / 4,
        fit=np.full(2, 1 - beta / 2),
        dual_point=np.full(2, beta / 2),
        beta_max=2.0,
        directions=np.array([[0.0, 1.0], [-ROOT3 / 2, 0.5], [ROOT3 / 2, 0.5]]),
        signs=np.ones(3),
        m_star=1,
        M_star=2,
        components={1: 1, 2: 3, 3: 1},
        is_unique=False,
    )


def three_rows(beta=0.1):
    """O2, for 0 < beta < 1: six directions, five vertices."""
    return Known(
        "three_rows",
        _at_angles([0, 120, 240]),
        np.ones(3),
        beta,
        3 * beta - 1.5 * beta**2,
        fit=np.full(3, 1 - beta),
        dual_point=np.full(3, beta),
        beta_max=1.0,
        directions=_at_angles([0, 60, 120, 180, 240, 300]),
        signs=np.ones(6),
        m_star=2,
        M_star=3,
        components={2: 6, 3: 15, 4: 1},
        is_unique=False,
    )


def identity(y, beta):
    """O3, X = I: the positive and the negative targets decouple, ``p* = h(||y_+||) + h(||y_-||)``."""
    y = np.asarray(y, dtype=float)
    sides = [np.maximum(y, 0.0), np.maximum(-y, 0.0)]
    norms = np.array([np.linalg.norm(side) for side in sides])
    shrunk = [side * max(0.0, 1 - beta / norm) if norm > 0 else side for side, norm in zip(sides, norms, strict=True)]
    fit = shrunk[0] - shrunk[1]
    active = norms > beta
    return Known(
        f"identity{tuple(y.tolist())}",
        np.eye(len(y)),
        y,
        beta,
        float(np.where(active, beta * norms - beta**2 / 2, norms**2 / 2).sum()),
        fit=fit,
        dual_point=y - fit,
        beta_max=float(norms.max()),
        directions=np.array([side / norm for side, norm, on in zip(sides, norms, active, strict=True) if on]),
        signs=np.array([1.0, -1.0])[active],
        m_star=int(active.sum()),
        M_star=int(active.sum()),
        components={0: {1: 1}, 1: {1: 1}, 2: {2: 2, 3: 1}}[int(active.sum())],
        is_unique=True,
    )


def line():
    """O4: one input, four samples; masses .9 (direction 1) and .15 (direction -1)."""
    y, fit = np.array([1.0, 2.0, -1.0, 1.0]), np.array([0.9, 1.8, 0.15, 0.45])
    return Known(
        "line",
        np.array([[1.0], [2.0], [-1.0], [-3.0]]),
        y,
        0.5,
        1.3625,
        fit=fit,
        dual_point=y - fit,
        beta_max=5.0,
        directions=np.array([[1.0], [-1.0]]),
        signs=np.ones(2),
        m_star=2,
        M_star=2,
        components={2: 2, 3: 1},
        is_unique=True,
    )


def clarke_trap():
    """K1: one neuron u = (1, 0), alpha = 1 looks stationary to Clarke, with objective .125, and is not."""
    return Known("clarke_trap", np.array([[1.0, -1.0], [0.0, 1.0]]), np.array([1.1, 0.2]), 0.1, 0.090282)


def known_optima():
    """O1 to O4, at several strengths and targets."""
    return [
        two_rows(),
        two_rows(1.5),
        three_rows(),
        three_rows(0.7),
        identity([1, -1], 0.1),
        identity([3, 4, -2], 0.5),
        identity([3, 4], 0.5),
        identity([0.3, -0.2], 0.5),
        line(),
    ]


_SKIP = {"skip_connection": True, "fit_intercept": True}


def interpolations():
    """N1 to N3: minimum-norm interpolation; `value` is the cost and beta has no part in it."""
    x, y = np.arange(4.0)[:, None], np.array([0.0, 0.0, 1.0, 3.0])
    bias = {"hidden_bias": True, **_SKIP}
    return [
        Known("N1", two_rows().X, np.ones(2), np.nan, 1.0, is_unique=False),
        Known("N2", x, y, np.nan, 2.0, is_unique=False, flags={**bias, "penalize_bias": False}),
        Known("N3", x, y, np.nan, np.sqrt(13.0), is_unique=True, flags={**bias, "penalize_bias": True}),
    ]


def two_outputs(beta=0.1):
    """V1: vector outputs, p* = beta^2 + 4 beta."""
    return Known(
        "two_outputs", np.eye(2), np.array([[2.0, 1.0], [1.0, 2.0]]) + beta * np.eye(2), beta, beta**2 + 4 * beta
    )


def random_problem(n_samples, n_features, seed=0):
    """Gaussian X and y."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, n_features)), rng.standard_normal(n_samples)


def degenerate_designs(seed=0):
    """Designs whose rows are not in general position, by name; every one has at most eight rows and three columns."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((4, 3))
    plane = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 3))
    grid = np.array([[a, b] for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0) if (a, b) != (1.0, 1.0)])
    binary = np.column_stack([rng.standard_normal(6), [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]])
    return {
        "one sample": rows[:1],
        "zero": np.zeros((3, 2)),
        "zero row": np.vstack([rows[:2], np.zeros((1, 3)), rows[2:]]),
        "two zero rows": np.vstack([np.zeros((1, 2)), rows[:, :2], np.zeros((1, 2))]),
        "duplicates": rows[[0, 1, 0, 2, 2, 3]],
        "antipodes": np.vstack([rows, -rows[:2]]),
        "parallel": np.vstack([rows, 2.5 * rows[:1], -0.3 * rows[1:2]]),
        "constant column": np.column_stack([rng.standard_normal((6, 2)), np.full(6, 3.0)]),
        "zero column": np.column_stack([rng.standard_normal((5, 2)), np.zeros(5)]),
        "collinear columns": rng.standard_normal((5, 2)) @ np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]),
        "coplanar rows": np.vstack([plane[:4], rng.standard_normal((2, 3))]),
        "rank two": plane,
        "rank one": np.outer([1.0, -2.0, 0.5, 0.0, 3.0], [1.0, -1.0, 2.0]),
        "integer grid": grid,
        "binary column": np.column_stack([binary, np.ones(6)]),
        "wide": rows[:2],
    }


def variants(X, y, seed=0):
    """Copies of (X, y) on which a method must do as well: shifted, scaled, permuted, duplicated; by name."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    return {
        "as given": (X, y),
        "shifted": (X + 3.0, y + 5.0),
        "small inputs": (X * 1e-6, y),
        "large inputs": (X * 1e6, y),
        "small targets": (X, y * 1e-9),
        "large targets": (X, y * 1e9),
        "permuted": (X[rows][:, columns], y[rows]),
        "duplicated": (np.vstack([X, X]), np.concatenate([y, y])),
    }
