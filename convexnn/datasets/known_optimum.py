"""A problem that is built around its own optimal set."""

import numpy as np
from sklearn.utils import Bunch

from .._utils.aliases import Seed
from .._utils.validation import check_count
from ..duality.ascent import local_maxima
from ..duality.pricing import search_price
from ..duality.records import PRICE_TOLERANCE
from ..duality.scalar_price import scalar_price_function
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU

# At most 40 draws of X; each gets 8 rounds of choosing directions, of at most 30 Newton steps.
MAX_DRAWS, MAX_TIE_ROUNDS, MAX_TIE_STEPS = 40, 8, 30
# Local maxima are tied when they differ by at most 2e-15 of their mean.
TIE_ROUNDING = 2e-15
# Two maximisers whose entries differ by at most 1e-6 are one direction.
MAX_MAXIMISER_DISTANCE = 1e-6
# A fit is independent of others when at least 1e-3 of its norm is beside them.
MIN_INDEPENDENT_SHARE = 1e-3


def make_known_optimum(
    n_samples: int = 20,
    n_features: int = 3,
    *,
    n_directions: int = 3,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    random_state: Seed = None,
) -> Bunch:
    """Make a regression problem together with all of its optimal networks.

    The problem is to minimise ``1/2 sum_i (y_i - f(x_i))^2 + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` over two-layer
    ReLU networks of any width; the free terms (intercept, skip) are not penalised and the hidden bias is a part of
    ``u_j``. A dual point whose price is reached in several directions at once is chosen first; every target
    ``y = dual_point + fits @ masses + (free terms)`` with masses >= 0 then has these directions as its optimal ones.

    Parameters
    ----------
    n_samples, n_features : int
    n_directions : int
        Number of optimal directions. Where the free terms contain every linear function of the neurons' inputs
        (a skip, and an intercept if there is a hidden bias) each comes with its opposite, which makes twice as many.
    hidden_bias, fit_intercept, skip_connection : bool
    random_state : int or None
        Seed of the draw.

    Returns
    -------
    Bunch
        - X : ndarray of shape (n_samples, n_features), y : ndarray of shape (n_samples,), beta : float
        - dual_point : ndarray of shape (n_samples,), the dual optimum ``y - optimal_fit``
        - directions : ndarray of shape (K, n_features), one more column (the bias, last) with `hidden_bias`
        - signs : ndarray of shape (K,), 1 or -1
        - fits : ndarray of shape (n_samples, K), ``signs * (X directions^T)_+``
        - masses : ndarray of shape (K,), one optimal point; ``{c >= 0 : fits c = fits masses}`` modulo the free
          terms is the whole optimal set
        - free : ndarray, the optimal skip weights, then the intercept
        - optimal_fit : ndarray of shape (n_samples,), free terms included
        - optimal_value : float
        - network : `TwoLayerReLU`, the optimum of these masses

    Raises
    ------
    InvalidInputError
        If no draw has so many optimal directions: too many were asked for, or X is too small or too large.

    References
    ----------
    .. [1] A. Mishkin, M. Pilanci, "Optimal sets and solution paths of ReLU networks", ICML 2023.

    Examples
    --------
    >>> from convexnn.datasets import make_known_optimum
    >>> problem = make_known_optimum(n_samples=10, n_features=2, n_directions=2, random_state=0)
    >>> problem.directions.shape, problem.beta
    ((2, 2), 1.0)
    """
    n_samples, n_features = check_count(n_samples, "n_samples"), check_count(n_features, "n_features")
    n_directions = check_count(n_directions, "n_directions")
    rng = np.random.default_rng(random_state)
    for _ in range(MAX_DRAWS):
        X = rng.standard_normal((n_samples, n_features))
        ones = np.ones((n_samples, 1))
        design = np.hstack([X, ones]) if hidden_bias else X
        free = np.hstack([X[:, : n_features * bool(skip_connection)], ones[:, : int(bool(fit_intercept))]])
        basis = np.linalg.qr(free)[0]
        tied = _tie_maxima(design, basis, _project_off(basis, rng.standard_normal(n_samples)), n_directions)
        if tied is not None:
            nu, directions, signs = tied
            return _assemble(X, design, free, nu, directions, signs, rng, hidden_bias, fit_intercept, skip_connection)
    raise InvalidInputError(
        f"no dual point with n_directions={n_directions} optimal directions was found in {MAX_DRAWS} draws of X of "
        f"shape ({n_samples}, {n_features}). Ask for fewer directions, or for more samples or features."
    )


def _project_off(basis, columns):
    """Project columns off the free terms; twice, so that rounding leaves nothing."""
    for _ in range(2):
        columns = columns - basis @ (basis.T @ columns)
    return columns


def _tie_maxima(design, basis, nu, n_directions):
    """Move `nu` until its `n_directions` best local maxima are equal, and are all its maxima.

    Returns the dual point of price 1, its directions and their signs, or None if that does not succeed.
    """
    for _ in range(MAX_TIE_ROUNDS):
        chosen = _best_maxima(design, basis, nu, n_directions)
        tied = None if chosen is None else _newton(design, basis, nu, *chosen)
        if tied is None:
            return None
        nu, directions, signs = tied
        # A larger maximum may exist elsewhere: only a proof that none does ends the rounds.
        exact = search_price(design, nu, proof="auto", depth=PRICE_TOLERANCE)
        if exact.maximizers is None:
            return None
        if exact.value <= 1.0 + 1e-12:
            return _confirm(exact, nu, directions, signs)
    return None


def _best_maxima(design, basis, nu, n_directions):
    """Directions and signs of the largest local maxima whose fits are independent modulo the free terms."""
    found = search_price(design, nu, proof="heuristic")
    chosen, spanned = [], basis
    for k, (direction, sign) in enumerate(zip(found.local_directions, found.local_signs, strict=True)):
        fit = _fits(design, direction[None], sign[None])
        rest = _project_off(spanned, fit)
        if np.linalg.norm(rest) > MIN_INDEPENDENT_SHARE * np.linalg.norm(fit):
            chosen.append(k)
            spanned = np.hstack([spanned, rest / np.linalg.norm(rest)])
        if len(chosen) == n_directions:
            return found.local_directions[chosen], found.local_signs[chosen]
    return None


def _newton(design, basis, nu, directions, signs):
    """Solve ``v_k(nu) = 1`` for all k, v_k being the local maximum that `directions` k leads to.

    By the envelope theorem the gradient of v_k is the fit of its maximiser, so every step is a linear system.
    """
    for _ in range(MAX_TIE_STEPS):
        directions, values = _climb(design, nu, directions, signs)
        if values.min() <= 0.0:
            return None
        nu, values = nu / values.mean(), values / values.mean()
        if np.abs(values - 1.0).max() <= TIE_ROUNDING:
            return nu, directions, signs
        # v_k(nu + F a) is about v_k + f_k . F a: solve F' F a = 1 - v.
        fits = _project_off(basis, _fits(design, directions, signs))
        nu = nu + fits @ np.linalg.lstsq(fits.T @ fits, 1.0 - values, rcond=None)[0]
    return (nu, directions, signs) if np.abs(values - 1.0).max() <= 10 * TIE_ROUNDING else None


def _climb(design, nu, directions, signs):
    """Climb from every direction with its own sign; return the directions reached and the values there."""
    function = scalar_price_function(design, nu)
    points, _, _ = local_maxima(function, function.reduce(directions))
    rows = np.arange(len(signs)) + len(signs) * (signs < 0)
    reached = function.expand(points[rows])
    return reached, nu @ _fits(design, reached, signs)


def _fits(design, directions, signs):
    """Return ``s_k (design u_k)_+`` as columns."""
    return np.maximum(design @ directions.T, 0.0) * signs


def _confirm(exact, nu, directions, signs):
    """Return the dual point and *all* its maximisers, None unless those chosen are among them and no other line is."""
    maximizers, found = exact.maximizers, exact.local_signs[: len(exact.maximizers)]
    # Every chosen direction is among the maximisers, and every maximiser is a chosen one or its opposite.
    apart = np.abs(maximizers[:, None] - directions).max(axis=2) + 2.0 * (found[:, None] != signs)
    opposite = np.abs(maximizers[:, None] + directions).max(axis=2) + 2.0 * (found[:, None] != signs)
    all_met = np.all(apart.min(axis=0) <= MAX_MAXIMISER_DISTANCE)
    none_new = np.all(np.minimum(apart, opposite).min(axis=1) <= MAX_MAXIMISER_DISTANCE)
    if not (all_met and none_new) or len(maximizers) not in (len(directions), 2 * len(directions)):
        return None
    return nu, maximizers, found


def _assemble(X, design, free, nu, directions, signs, rng, hidden_bias, fit_intercept, skip_connection):
    """Draw the masses and the free terms, and return the problem whose optimum they are."""
    fits = _fits(design, directions, signs)
    masses = rng.uniform(0.5, 1.5, len(signs))
    coefficients = rng.standard_normal(free.shape[1])
    optimal_fit = fits @ masses + free @ coefficients
    root = np.sqrt(masses)
    n_features = X.shape[1]
    network = TwoLayerReLU(
        root[:, None] * directions[:, :n_features],
        signs * root,
        hidden_bias=root * directions[:, -1] if hidden_bias else None,
        intercept=coefficients[-1] if fit_intercept else None,
        skip_weights=coefficients[:n_features] if skip_connection else None,
    )
    return Bunch(
        X=X,
        y=nu + optimal_fit,
        beta=1.0,
        dual_point=nu,
        directions=directions,
        signs=signs,
        fits=fits,
        masses=masses,
        free=coefficients,
        optimal_fit=optimal_fit,
        optimal_value=0.5 * float(nu @ nu) + float(masses.sum()),
        network=network,
    )
