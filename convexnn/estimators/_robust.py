"""``huber_delta="auto"``: where the Huber loss bends, from the spread of the targets.

The median absolute deviation of the targets is 0.67 of their standard deviation if they are normal. It is the usual
1.35 standard deviations of the residuals of a network that explains three quarters of the variance, and closer to
that than a multiple of 1.35 / 0.6745 would be, which is right where nothing is explained. Best held-out R2 of three
strengths, with wild targets (a tenth of 5 standard deviations, a fifth of 10), for 1, 1/2 and 1/3 of that multiple, and
for the multiple of the residuals of a robust linear fit:

====================  ==================  ==================  ==================  ==================
150 rows              of y                half of it (auto)   a third             of the residuals
====================  ==================  ==================  ==================  ==================
friedman1, 10 %       .68                 .74                 .77                 .73
friedman1, 20 %       .58                 .72                 .76                 .72
two bumps, 10 %       .78                 .83                 .84                 .80
two bumps, 20 %       .63                 .78                 .81                 .67
diabetes, 10 %        .33                 .35                 .35                 .35
diabetes, 20 %        .28                 .27                 .25                 .29
diabetes, none        .353                .339                .332                .351
====================  ==================  ==================  ==================  ==================
"""

import numpy as np

from .._utils.validation import check_choice, check_positive

# Targets within 4 spacings of floats of their median are equal to it.
EQUAL_SPACINGS = 4.0
# A part of the weights is half of them when it is to within 1e-12.
HALF_WEIGHT_ROUNDING = 1e-12
# Targets that are all equal get 1.35: every delta gives the same network.
EQUAL_TARGETS_DELTA = 1.35


def check_delta(huber_delta):
    """Refuse what is neither ``"auto"`` nor a number above 0."""
    if isinstance(huber_delta, str):
        check_choice(huber_delta, "huber_delta (when it is a string)", ("auto",))
    else:
        check_positive(huber_delta, "huber_delta")


def delta_of(huber_delta, y, weight=None):
    """Return `huber_delta` as a number: for ``"auto"`` the median absolute deviation of the targets from their median.

    Weights equal repetition. Where over half of the targets are equal it is the median of the deviations that are not
    zero. Several outputs share one delta: their deviations, each from its own median, are pooled.

    Parameters
    ----------
    huber_delta : float or "auto"
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,), optional
        Non-negative and not all zero.

    References
    ----------
    P. J. Huber, E. M. Ronchetti, "Robust Statistics", 2009, section 5.1.
    """
    if huber_delta != "auto":
        return float(huber_delta)
    weight = np.ones(len(y)) if weight is None else weight
    columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    middles = np.array([weighted_median(column, weight) for column in columns.T])
    deviations = np.abs(columns - middles)
    deviations[deviations <= EQUAL_SPACINGS * np.spacing(np.abs(middles))] = 0.0
    deviations, weight = deviations.ravel(), np.repeat(weight, columns.shape[1])
    spread = weighted_median(deviations, weight)
    # Over half of the targets are equal: the median of the other deviations is the spread of the rest.
    if spread == 0.0:
        spread = weighted_median(deviations, np.where(deviations > 0.0, weight, 0.0))
    return float(spread) if spread > 0.0 else EQUAL_TARGETS_DELTA


def weighted_median(values, weight):
    """Return the median of values of shape (n,) with weights that equal repetition; 0 where all weights are 0."""
    values, weight = values[weight > 0], weight[weight > 0]
    if len(values) == 0:
        return 0.0
    order = np.argsort(values, kind="stable")
    values, reached = values[order], np.cumsum(weight[order])
    half = 0.5 * reached[-1]
    # With half of the weight exactly at a boundary the median is the mean of both sides.
    lower = np.searchsorted(reached, half * (1.0 - HALF_WEIGHT_ROUNDING))
    upper = np.searchsorted(reached, half * (1.0 + HALF_WEIGHT_ROUNDING), side="right")
    return 0.5 * values[lower] + 0.5 * values[min(upper, len(values) - 1)]
