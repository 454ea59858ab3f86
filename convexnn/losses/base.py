"""Losses of the fit: value, negative gradient, conjugate, and the bounds that the dual needs.

Conventions
-----------
y, fit, dual_point, weight : arrays of shape (n_samples,); weights are positive.
A loss is a weighted *sum* over the samples, ``L(z) = sum_i w_i l(y_i, z_i)``; there is no 1/n. The dual point is
``nu = -grad L(fit)``, so that the dual problem is ``max -L*(-nu)`` subject to ``|nu^T (X u)_+| <= beta`` on the unit
ball.
In the formulas below ``s_i = nu_i / w_i``, and ``p_i = y_i s_i`` for labels y_i in {-1, 1}.
"""

import numpy as np

from ..exceptions import InvalidInputError
from .fitting import minimum_norm_fit, newton_fit, orthonormal

# Newton's method assumes a curvature of at least 1e-9 of the largest, where the loss is flat too.
MIN_CURVATURE_SHARE = 1e-9
# Newton's method adds 1e-10 of the trace to the diagonal of its Hessian.
DAMPING_OVER_TRACE = 1e-10
# A product and a quotient with the weights add at most 4 units in the last place.
WEIGHT_ROUNDING = 4 * np.finfo(float).eps
# A dual slope within 1e-24 of the end of its domain is not corrected: corrections are at rounding, and grow with the
# root of this distance.
MIN_ROOM = 1e-24


class Loss:
    """Base of all losses: subclasses give the terms of one sample.

    Attributes
    ----------
    name : str
    labels : bool
        Whether y holds labels in {-1, 1}.
    is_smooth : bool
        Whether the gradient exists everywhere and is Lipschitz continuous.
    is_strictly_convex : bool
        Whether the optimal fit is unique. Where it is not, optimal values, certificates and dual points stand, and the
        description of the optimal set by one fit does not.
    is_quadratic : bool
        Whether it is the squared loss: the dual point is the weighted residual, and one least-squares fit is optimal.
    can_vanish : bool
        Whether the loss is 0 somewhere.
    is_separable : bool
        Whether the entries of a row count independently of each other.
    is_stand_in : bool
        Whether it is a smooth loss in the place of one with kinks.
    largest_curvature : float
        Lipschitz constant of the derivative of one sample's loss, infinite where it jumps.
    typical_slope : float
        Size of the derivative of one sample's loss where its curvature changes.
    """

    name, labels, is_smooth, is_strictly_convex = "", False, True, False
    is_quadratic, can_vanish, is_separable, is_stand_in = False, True, True, False
    largest_curvature = typical_slope = 1.0

    def terms(self, y, fit):
        """Return ``l(y_i, z_i)``."""
        raise NotImplementedError

    def slopes(self, y, fit):
        """Return ``-dl/dz``, or the member of the subdifferential nearest to zero."""
        raise NotImplementedError

    def curvatures(self, y, fit):
        """Return ``d^2 l/dz^2`` where it exists, and one of its one-sided limits elsewhere."""
        raise NotImplementedError

    def secants(self, y, fit):
        """Return the curvatures of parabolas that touch the loss at `fit` and are not below it elsewhere, or nearly."""
        return np.full(len(fit), self.largest_curvature)

    def dual_terms(self, y, s):
        """Return ``-l*(-s_i)``, -inf outside the domain."""
        raise NotImplementedError

    def domain(self, y, s):
        """Return the largest t for which every ``t s_i`` is in the domain, maybe inf; 0 where no t above 0 is."""
        return np.inf

    def value(self, y, fit, weight):
        """Return L(fit)."""
        return float(np.dot(weight, self.terms(y, fit)))

    def dual_point(self, y, fit, weight):
        """Return ``-grad L(fit)``, of shape (n_samples,)."""
        return weight * self.slopes(y, fit)

    def value_and_dual_point(self, y, fit, weight):
        """Return L(fit) and ``-grad L(fit)``, which a loss may get at once."""
        return self.value(y, fit, weight), self.dual_point(y, fit, weight)

    def dual_value(self, y, dual_point, weight):
        """Return ``-L*(-dual_point)``."""
        return float(np.dot(weight, self.dual_terms(y, dual_point / weight)))

    def room(self, y, s):
        """Return by how much each s_i may move, about, without leaving the domain: the metric of corrections."""
        return np.ones(len(s))

    def inside(self, y, dual_point, weight):
        """Return the dual point moved off the places in its domain that rounding may empty: here as it is."""
        return dual_point

    def widened(self, dual_point, leak):
        """Return a leak with room for what ties the entries of a row: here nothing does."""
        return leak

    def snapped(self, y, dual_point, weight):
        """Return the dual point with entries at the end of their domain that are there but for rounding."""
        return dual_point

    def terms_above(self, y, fit, error):
        """Return bounds on ``l(y_i, z_i)`` for every z that is no further from `fit` than `error`."""
        return np.maximum(self.terms(y, fit - error), self.terms(y, fit + error))

    def dual_value_below(self, y, dual_point, leak, weight):
        """Return a bound on ``-L*(-nu)`` for every nu no further from `dual_point` than `leak`, rounding included.

        The terms are concave: between two points none is below the lower of the two.
        """
        # A concave function on an interval is nowhere below the lower of its two ends.
        ends = [self.dual_terms(y, (dual_point + side * leak) / weight) for side in (-1.0, 1.0)]
        terms, size = np.minimum(*ends), np.abs(dual_point / weight) + leak / weight
        # The rounding of the sum is relative to the sizes that were added up, not to the sum.
        sizes = size + np.abs(terms) if self.labels else size * (np.abs(y) + size)
        if not np.all(np.isfinite(terms)):
            return -np.inf
        return float(np.sum(weight * terms) - sum_rounding(len(y)) * np.sum(weight * sizes))

    def domain_within(self, y, dual_point, leak, weight):
        """Return the largest t for which t times every nu as in `dual_value_below` is in the domain."""
        return min(self.domain(y, (dual_point + side * leak) / weight) for side in (-1.0, 1.0))

    def best_scale(self, y, dual_point, weight, limit):
        """Return the t in [0, limit] with the largest ``dual_value(y, t * dual_point, weight)``."""
        s = dual_point / weight
        limit = min(limit, self.domain(y, s))
        if limit == 0.0 or not np.any(s):
            return 0.0
        # The dual value is concave along the ray: the best t is stationary or an end of [0, limit].
        return float(np.clip(self._stationary_scale(y, s, weight, limit), 0.0, limit))

    def _stationary_scale(self, y, s, weight, limit):
        """Return where the dual value along s has its maximum; the caller cuts it off at 0 and at the limit."""
        raise NotImplementedError

    def fit_free(self, y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_b L(hidden_fit + free b)``, of shape (n_free,), for a smooth loss.

        Newton's method on an orthonormal basis of the free terms, damped where the loss is flat. Where its full step is
        too long, a step with the curvatures of a parabola above the loss is tried too: far out, where curvatures
        vanish, Newton's directions are poor. Where no minimum is attained, as for labels that the free terms separate,
        it stops far out.
        """
        basis = orthonormal(free)
        flat = MIN_CURVATURE_SHARE * self.largest_curvature * weight.max()

        def step(curvatures, slope):
            hessian = (basis.T * (weight * curvatures)) @ basis
            damping = DAMPING_OVER_TRACE * np.trace(hessian) + flat
            return basis @ np.linalg.solve(hessian + damping * np.eye(len(slope)), slope)

        def slopes(fit):
            return basis.T @ self.dual_point(y, fit, weight)

        # First the true curvatures, then those of parabolas above the loss where a full step is too long.
        fit = newton_fit(
            hidden_fit,
            lambda fit: self.value(y, fit, weight),
            slopes,
            lambda fit, slope: step(self.curvatures(y, fit), slope),
            lambda fit, slope: step(self.secants(y, fit), slope),
        )
        # The coefficients of the change of the fit, shortest where columns are dependent.
        return minimum_norm_fit(free, fit - hidden_fit)

    def in_units(self, unit):
        """Return the loss of targets and fits that are divided by `unit`, but for a factor."""
        return self

    def take(self, rows):
        """Return the loss of some of the rows."""
        return self

    def check_targets(self, y):
        """Refuse targets that the loss is not defined for."""
        if self.labels and not np.all(np.abs(y) == 1.0):
            strange = y[np.abs(y) != 1.0][0]
            raise InvalidInputError(
                f"y must hold labels -1 and 1 only for the {self.name} loss; got {strange:g}. "
                f"np.where(is_second, 1, -1) makes them."
            )


def sum_rounding(n_terms):
    """Return what float64 may add to a sum that NumPy takes in pairs, relative to the sum of the sizes of its terms."""
    return (48.0 + np.log2(1.0 + n_terms)) * np.finfo(float).eps


def within(values, low, high, function):
    """Return ``function(values)``, -inf where they are outside of [low, high] by more than rounding."""
    slack = WEIGHT_ROUNDING * max(abs(low), abs(high))
    inside = (values >= low - slack) & (values <= high + slack)
    return np.where(inside, function(np.clip(values, low, high)), -np.inf)


def share_of(bound, largest):
    """Return ``bound / largest`` rounded down, so that multiplying back stays within the bound; inf for 0."""
    if largest == 0.0:
        return np.inf
    share = bound / largest
    # The quotient may round upwards: go down until the product is within the bound.
    while share * largest > bound:
        share = np.nextafter(share, 0.0)
    return float(share)
