"""The warning of columns and targets on bad scales, and those on which double precision loses the digits of a fit.

A sum ``x . u`` is rounded to 1e-16 of its largest term. Where a column lies ten million times its spread away from
zero, or is a hundred million times as large as the others vary, less than nine digits are left of what distinguishes
the rows, and a gap of 1e-6 or a price to 1e-7 cannot be relied on.
"""

import warnings

import numpy as np

from ..exceptions import ScaleWarning
from ._scales import far_columns, outweighed_targets, spreads_of, uneven_columns

# A column loses its digits when its size is above 1e7 times its range, or above 1e8 times the median range of others.
MAX_OFFSET_OVER_RANGE, MAX_SIZE_OVER_MEDIAN_RANGE = 1e7, 1e8
# Targets lose theirs when their size is above 1e11 times their range: an intercept takes up less without loss.
MAX_TARGET_OFFSET_OVER_RANGE = 1e11
# A price of at most 1e-12 of the sum of ``|y_i|`` times the largest range is rounding.
DOUBLE_PRICE_ROUNDING = 1e-12
# A warning names 5 columns.
MAX_NAMED_COLUMNS = 5
# The warning names the line that called `fit`: 4 frames up, one of them that of the decorator.
SCALE_STACKLEVEL = 4


def warn_of_scales(estimator, X, weight, y=None, target_names=None):
    """Warn once of columns of X, and of targets y if there are any, on scales that spoil a fit; called by `fit` itself.

    Those whose digits are lost are named first; the others are looked at where there are none. `target_names` are those
    of the columns of y, where these have names.
    """
    if not (weight is None or np.all(weight > 0)):
        X, y, weight = X[weight > 0], None if y is None else y[weight > 0], weight[weight > 0]
    if len(X) == 0:
        return  # `fit` refuses data without rows of positive weight
    spreads = spreads_of(X, weight)
    sentences = _sentences_on_lost_columns(estimator, spreads) or _sentences_on_uneven_columns(estimator, spreads)
    if y is not None:
        targets = spreads_of(y.reshape(len(y), -1), weight)
        sentences += _sentences_on_lost_targets(targets, y.ndim == 1) or _sentences_on_uneven_targets(
            targets, target_names
        )
    if sentences:
        warnings.warn(" ".join(sentences), ScaleWarning, stacklevel=SCALE_STACKLEVEL)


def _sentences_on_lost_columns(estimator, spreads):
    """Return sentences on columns whose digits are lost."""
    lost = lost_columns(spreads.lowest, spreads.highest)
    if len(lost) == 0:
        return []
    return [
        f"X has columns on which double precision loses the digits that a fit needs: "
        f"{_named(_features(estimator), spreads, lost)}. Training may stop early, and predictions may be wrong beyond "
        f"their first digits; what the certificate proves stands. Leave out identifiers and constant columns, and "
        f"subtract offsets and scale the others (sklearn.preprocessing.StandardScaler)."
    ]


def _sentences_on_uneven_columns(estimator, spreads):
    """Return sentences on columns that the weight decay all but leaves out, or for which it leaves out others."""
    more, less = uneven_columns(spreads)
    bends = getattr(estimator, "hidden_bias", True) and getattr(estimator, "penalize_bias", True)
    far = np.setdiff1d(far_columns(spreads), np.concatenate([more, less])) if bends else []
    found = [
        f"{what}: {_named(_features(estimator), spreads, columns)}"
        for what, columns in (
            ("vary far more than the others", more),
            ("vary far less than the others", less),
            ("lie far from zero", far),
        )
        if len(columns)
    ]
    if not found:
        return []
    return [
        f"X has columns that {'; and columns that '.join(found)}. The weight decay is on the weights of X as given: it "
        f"hardly lets a network use columns of small spread beside large ones, or bend far from zero, so that it may "
        f"predict badly even where it is proven optimal. Standardise X, for example with "
        f"make_pipeline(StandardScaler(), model), and leave out identifiers."
    ]


def _sentences_on_lost_targets(targets, is_single):
    """Return sentences on targets that differ by next to nothing beside their size."""
    lost = np.flatnonzero((targets.extent > 0) & (targets.size / MAX_TARGET_OFFSET_OVER_RANGE > targets.extent))
    if len(lost) == 0:
        return []
    where = "" if is_single else f" in column {lost[0]}"
    return [
        f"The targets{where} {_described(targets.lowest[lost[0]], targets.highest[lost[0]])}: double precision loses "
        f"the digits that a fit needs. Subtract an offset from y."
    ]


def _sentences_on_uneven_targets(targets, names):
    """Return sentences on targets whose losses are next to nothing beside those of others."""
    small = outweighed_targets(targets)
    if len(small) == 0:
        return []
    largest = int(np.argmax(targets.deviation))
    return [
        f"The targets vary on very different scales: {_named(names, targets, small)} beside "
        f"{_named(names, targets, [largest])}. Their losses are added up, so that the network hardly fits the small "
        f"ones. Scale the columns of y alike, for example with "
        f"TransformedTargetRegressor(model, transformer=StandardScaler())."
    ]


def warn_of_unknown_strength(estimator, price, X, dual_size):
    """Warn when the smallest strength with a zero network is not known, because its digits are lost.

    Called by what `fit` calls. `dual_size` is about the sum of the absolute entries of the dual point: that of y.
    """
    spreads = spreads_of(X, None)
    extent = float(spreads.extent.max(initial=0.0))
    if price.value > 0.0 or price.upper_bound <= DOUBLE_PRICE_ROUNDING * dual_size * extent or extent == 0.0:
        return
    largest = _named(_features(estimator), spreads, [int(np.argmax(spreads.size))])
    warnings.warn(
        f"beta_max is not known: double precision tells only that it is at most {price.upper_bound:.3g}, so that "
        f'beta="scale" means nothing here. The largest column is {largest}. Scale the '
        f"columns, or give beta as a number.",
        ScaleWarning,
        stacklevel=SCALE_STACKLEVEL + 2,
    )


def lost_columns(lowest, highest):
    """Return the indices of the columns with these smallest and largest entries whose digits are lost, or cost others'.

    A constant column is judged by how the others vary.
    """
    with np.errstate(over="ignore"):
        size, extent = np.maximum(np.abs(lowest), np.abs(highest)), highest - lowest
    varies = extent > 0
    found = varies & (size / MAX_OFFSET_OVER_RANGE > extent)
    for k in np.flatnonzero(size / MAX_SIZE_OVER_MEDIAN_RANGE > extent[varies].min(initial=np.inf)):
        others = extent[varies & (np.arange(len(extent)) != k)]
        found[k] |= len(others) > 0 and size[k] > MAX_SIZE_OVER_MEDIAN_RANGE * np.median(others)
    return np.flatnonzero(found)


def _features(estimator):
    """The names of the features, None where they have none."""
    return getattr(estimator, "feature_names_in_", None)


def _named(names, spreads, columns):
    """The names of columns and what they look like, the first few of them."""
    named = [
        f"{f'column {k}' if names is None else repr(str(names[k]))} {_described(spreads.lowest[k], spreads.highest[k])}"
        for k in columns[:MAX_NAMED_COLUMNS]
    ]
    return ", ".join(named) + (
        f" and {len(columns) - MAX_NAMED_COLUMNS} more" if len(columns) > MAX_NAMED_COLUMNS else ""
    )


def _described(low, high):
    """Return the range of a column or of targets, in words."""
    return f"(constant {low:.6g})" if low == high else f"({low:.6g} to {high:.6g}, a range of {high - low:.3g})"
