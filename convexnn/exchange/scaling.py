"""The scaling of the inputs before the network saw them: a centre subtracted, then a division by a scale."""

import numpy as np

from .._utils.validation import check_design
from ..exceptions import InvalidInputError


def checked_scaling(network, center, scale):
    """Return centre and scale as float64 arrays of one number per input of the network; None stays None.

    Raises
    ------
    InvalidInputError
        For other lengths, numbers that are not finite, and scales that are not above 0.
    """
    center, scale = _checked(center, "center", network.n_inputs), _checked(scale, "scale", network.n_inputs)
    if scale is not None and not np.all(scale > 0):
        j = int(np.argmin(scale))
        raise InvalidInputError(f"scale must be above 0; got {scale[j]!r} for input {j}. Use 1 for constant inputs.")
    return {"center": center, "scale": scale}


def _checked(values, name, count):
    if values is None:
        return None
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or array.shape != (count,):
        raise InvalidInputError(
            f"{name} must have shape ({count},), one number per input of the network; got shape {array.shape} of type "
            f"{array.dtype}."
        )
    array = np.array(array, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name} must be finite; got NaN or infinity.")
    array.flags.writeable = False
    return array


def scaled(X, center, scale):
    """Return ``(X - center) / scale`` as `StandardScaler` computes it, to the bit; None leaves its part out."""
    if center is None and scale is None:
        return X
    X = check_design(X)
    n_inputs = len(center if scale is None else scale)
    if X.shape[1] != n_inputs:
        raise InvalidInputError(f"X must have {n_inputs} columns, one per input; got shape {X.shape}.")
    # First the centre, then the scale, as StandardScaler does: the order matters for the last bit.
    X = X if center is None else X - center
    return X if scale is None else X / scale
