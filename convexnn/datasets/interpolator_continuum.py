"""Data sets on a line whose minimum-norm interpolating networks form a continuum, with all that is known of them."""

import numpy as np
from sklearn.utils import Bunch

from .._utils.aliases import Seed
from .._utils.validation import check_count
from ..network import TwoLayerReLU

# The sums of the last rows lie between 75 and 15 degrees: 60 degrees apart, so that s_1 - s_n is a unit vector too.
FIRST_DEGREES, LAST_DEGREES = 75.0, 15.0
# Masses, and entries of the null vector, of at most 1e-12 are zero.
MASS_ROUNDING = 1e-12


def make_interpolator_continuum(n_samples: int = 5, *, random_state: Seed = None) -> Bunch:
    """Make data of one feature through which infinitely many networks of smallest norm pass.

    The problem is to minimise ``1/2 sum_j (||u_j||^2 + alpha_j^2)`` over two-layer ReLU networks with a penalised
    hidden bias and no free terms, of any width, with ``f(x_i) = y_i``. With a free affine skip the interpolator of such
    data would be unique [1]_.

    Parameters
    ----------
    n_samples : int
        At least 2.
    random_state : int or None
        Seed of the angles and the masses.

    Returns
    -------
    Bunch
        - X : ndarray of shape (n_samples, 1), increasing, y : ndarray of shape (n_samples,)
        - cost : float, the smallest one
        - networks : list of two `TwoLayerReLU`, the ends of the segment of all optimal networks: different functions.
          So is, for t in [0, 1], the network of the masses ``(1 - t) masses[0] + t masses[1]``
        - directions : ndarray of shape (n_samples + 1, 2), the optimal directions, the bias last; all signs are +
        - masses : ndarray of shape (2, n_samples + 1), those of `networks`
        - dual_point : ndarray of shape (n_samples,), positive

    Raises
    ------
    InvalidInputError
        If `n_samples` is below 2.

    Notes
    -----
    With the rows ``v_i = nu_i (x_i, 1)``, nu > 0, the price of nu is the largest norm of the sums of the first rows and
    of the last rows. The sums s_1, ..., s_n of the last rows (from row i on) are put on the unit circle, at angles
    that fall by 60 degrees from s_1 to s_n. Then the sums of the first rows, ``s_1 - s_i``, are no longer than 1, and
    one of them, ``s_1 - s_n``, is of length 1 too. These are n + 1 optimal directions for n equations: masses that are
    positive on all of them can be moved along a line.

    References
    ----------
    .. [1] S. Kim, A. Mishkin, M. Pilanci, "Exploring the loss landscape of regularized neural networks via convex
       duality", ICLR 2025, on nonunique optimal interpolators.

    Examples
    --------
    >>> from convexnn.datasets.interpolator_continuum import make_interpolator_continuum
    >>> data = make_interpolator_continuum(4, random_state=0)
    >>> [bool(abs(network.predict(data.X) - data.y).max() < 1e-12) for network in data.networks]
    [True, True]
    """
    n_samples = check_count(n_samples, "n_samples", minimum=2)
    rng = np.random.default_rng(random_state)
    gaps = rng.uniform(0.5, 1.5, n_samples - 1)
    angles = np.deg2rad(FIRST_DEGREES - (FIRST_DEGREES - LAST_DEGREES) * np.append(0.0, np.cumsum(gaps) / gaps.sum()))
    ends = np.column_stack([np.cos(angles), np.sin(angles)])
    # v_i = s_i - s_{i+1} = nu_i (x_i, 1): the last coordinate is nu_i, the ratio is x_i.
    rows = ends - np.vstack([ends[1:], np.zeros((1, 2))])
    X, nu = rows[:, :1] / rows[:, 1:], rows[:, 1]
    directions = np.vstack([ends, ends[:1] - ends[-1:]])
    fits = np.maximum(np.column_stack([X, np.ones(n_samples)]) @ directions.T, 0.0)
    masses = _ends(fits, rng.uniform(0.5, 1.5, n_samples + 1))
    y = fits @ masses.mean(axis=0)
    return Bunch(
        X=X,
        y=y,
        cost=float(masses[0].sum()),
        networks=[_network(directions, some) for some in masses],
        directions=directions,
        masses=masses,
        dual_point=nu,
    )


def _ends(fits, masses):
    """The two ends of the segment of non-negative masses with the fit of `masses`."""
    # n equations for n + 1 masses leave one null vector; its steps end where a mass becomes zero.
    move = np.linalg.svd(fits)[2][-1]
    steps = np.divide(-masses, move, out=np.full(len(move), np.inf), where=np.abs(move) > MASS_ROUNDING)
    reached = [steps[steps < 0].max(), steps[np.isfinite(steps) & (steps > 0)].min()]
    found = np.array([masses + step * move for step in reached])
    return np.where(found > MASS_ROUNDING, found, 0.0)


def _network(directions, masses):
    used = masses > 0
    root = np.sqrt(masses[used])
    neurons = root[:, None] * directions[used]
    return TwoLayerReLU(neurons[:, :1], root, hidden_bias=neurons[:, 1])
