"""Columns and targets on scales on which the weight decay keeps a network from using some of them.

The decay is on the weights of X as given. A neuron has to pay ``1/s`` to rise by one along a column of standard
deviation s, and ``|m|`` more for the bias that brings its kink into the data of a column with mean m. A column that
varies far less than the others, or lies far from zero, is so all but left out, and no certificate says so: the network
is the optimum of the problem as posed. Thresholds are where the best strength no longer makes up for it, on a function
of four standard normal columns and 200 rows, held-out R2 .92:

======================================  ============================================
one column farther away, mean / std     3: .91   5: .90   10: .86   20: .85
all columns farther away                3: .89   5: .86   10: .83   20: .77
one column larger than the others       10: .92  30: .91  100: .85  1000: .50
one column smaller than the others      10: .89  30: .86  100: .70  1000: .29
======================================  ============================================

The classifier and the gated model lose alike: skill .68 becomes .39 and R2 .88 becomes .56 with a column 100 times as
large, .66 and .80 with one 20 farther away. Where two outputs of one network differ in size, R2 of
the small one is .87 at a ratio of 1, 3: .82, 10: .64, 30: .57.

Rare entries are no sign of a bad scale: a column of few ones among zeros has a small standard deviation and an ordinary
range. Both have to be out of proportion.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.row_blocks import row_blocks

# A column is far from zero when its mean is above 10 times its standard deviation, or 10 where that is below 1.
MAX_MEAN_OVER_DEVIATION = 10.0
# A column is uneven when its spread is 30 times the median of all columns that vary, or a thirtieth of it.
MAX_SPREAD_RATIO = 30.0
# A target is outweighed when another one has more than 5 times its standard deviation.
MAX_TARGET_RATIO = 5.0


@dataclass(frozen=True)
class Spreads:
    """The location and the spread of columns.

    Attributes
    ----------
    lowest, highest, mean, deviation : ndarrays of shape (n_columns,)
    """

    lowest: np.ndarray
    highest: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def extent(self):
        """The ranges."""
        with np.errstate(over="ignore"):
            return self.highest - self.lowest

    @property
    def size(self):
        """The largest absolute entries."""
        return np.maximum(np.abs(self.lowest), np.abs(self.highest))


def spreads_of(X, weight):
    """Return the `Spreads` of the columns of X, whatever its size; weights are positive, None for ones."""
    ends = [(rows.min(axis=0), rows.max(axis=0)) for _, rows in row_blocks(X)]
    lowest, highest = np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        middle, extent = lowest / 2 + highest / 2, highest - lowest
        unit = np.where((extent > 0) & np.isfinite(extent), extent, 1.0)
        weight = np.full(len(X), 1.0 / len(X)) if weight is None else weight / weight.sum()
        first, second = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        for part, rows in row_blocks(X):
            places = (rows - middle) / unit  # from -1/2 to 1/2: no square overflows
            first += weight[part] @ places
            second += weight[part] @ places**2
        deviation = np.where(extent > 0, unit * np.sqrt(np.maximum(second - first**2, 0.0)), 0.0)
    return Spreads(lowest, highest, middle + unit * first, deviation)


def far_columns(spreads):
    """Return the indices of columns that vary far from zero: only a large bias, which is penalised, bends there."""
    outside = (spreads.lowest > 0) | (spreads.highest < 0)
    # Divided on the left, so that entries near the end of float64 do not overflow.
    far = np.abs(spreads.mean) / MAX_MEAN_OVER_DEVIATION > np.maximum(spreads.deviation, 1.0)
    return np.flatnonzero(outside & far & (spreads.extent > 0))


def uneven_columns(spreads):
    """Return the indices of columns that vary far more, and of those that vary far less, than the median column."""
    varies = spreads.extent > 0
    more, less = varies.copy(), varies.copy()
    # Deviation and range both have to be out of proportion: rare entries have a small deviation alone.
    for spread in (spreads.deviation, spreads.extent):
        middle = np.median(spread[varies]) if varies.any() else 1.0
        more &= spread / MAX_SPREAD_RATIO > middle
        less &= spread < middle / MAX_SPREAD_RATIO
    return np.flatnonzero(more), np.flatnonzero(less)


def outweighed_targets(spreads):
    """Return the indices of targets whose loss is next to nothing beside that of the largest one."""
    largest = spreads.deviation.max(initial=0.0)
    small = spreads.deviation < largest / MAX_TARGET_RATIO
    return np.flatnonzero(small & (spreads.extent > 0))
