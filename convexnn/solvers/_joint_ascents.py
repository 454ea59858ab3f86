"""Ascents on the price of medium data: all go uphill together, the most promising ones climb to the kinks.

A step of many points together is two products of matrices in single precision, a fifth of what a step of a climb costs,
and where many random starts have gone some steps, two thirds of those that lead to violators are among the best third.
"""

import numpy as np

from .._utils.row_blocks import is_long
from .._utils.threads import slices, thread_map
from ..duality.kernels.approach import approach

MIN_MEDIUM_ENTRIES = 5_000  # entries of the lines from which on joint ascents pay
STARTS_PER_GROUP = 96  # starts that ascend jointly, so that their values stay in the cache
JOINT_STEPS, ROUGH_JOINT_STEPS = 20, 12  # before the best go on alone, and where none does
CLIMBING_SHARE = 0.34  # about a third of the starts go on alone
MIN_ROUGH_ANGLE = 1e-2  # ends of rough ascents that are closer than this many radians count as one


def is_medium(lines):
    """Whether ascents on these lines first go jointly, and then alone."""
    return lines.size > MIN_MEDIUM_ENTRIES and not is_long(lines)


def ascend_jointly(function, starts, signs, rough, n_jobs=None):
    """Return the most promising points, the best first, with signs and values in units of ``function.scale``.

    Parameters
    ----------
    function : ScalarPrice
    starts : ndarray of shape (n_starts, rank), unit rows
    signs : ndarray of shape (n_starts,)
    rough : bool
        Whether to return all of them, after fewer steps.
    n_jobs : int, optional
    """

    def part(start, stop):
        options = {"n_steps": ROUGH_JOINT_STEPS if rough else JOINT_STEPS, "dtype": np.float32, "n_jobs": 1}
        chosen, points, values = approach(function, starts[start:stop], signs[start:stop], **options)
        return start + chosen, points.astype(np.float64), values

    with thread_map(n_jobs) as run:
        parts = run(part, slices(len(starts), STARTS_PER_GROUP))
    chosen, points, values = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    order = np.argsort(-values, kind="stable")
    if not rough:
        order = order[: int(np.ceil(CLIMBING_SHARE * len(order)))]
    return points[order], signs[chosen[order]], values[order]
