"""Coordinates of neurons in which descents see data of one size, whatever the columns are like.

A column far from zero, or of another size than the rest, bends the loss much more in its weights than others do, and
gradients then point nearly the same way for all rows. With the means m and the variances v of the columns the loss
bends about as much as

    ``diag(v + damping) + m m^T``

says, which takes no more memory than a row. Points are neurons in the coordinates in which this is the identity. The
damping is how much the penalty bends beside the loss: a column so small that it is hardly used keeps short weights.
"""

import numpy as np

MAX_MOMENT_ROWS = 4000  # rows that means and variances are taken of, evenly spread


class Moments:
    """Means and variances of the columns of a design, and the size of a typical one.

    Parameters
    ----------
    means, variances : ndarrays of shape (n_inputs,)
    """

    def __init__(self, means, variances):
        self.means, self.variances = means, variances
        sizes = np.sqrt(variances)
        if not np.any(sizes):
            sizes = np.abs(means)
        self.size = float(np.median(sizes[sizes > 0])) if np.any(sizes) else 1.0

    @classmethod
    def of(cls, design, weight):
        """Return the moments of rows (n_samples, n_inputs) with weights (n_samples,), or of some of these rows."""
        n_samples = len(design)
        if n_samples > MAX_MOMENT_ROWS:
            rows = np.linspace(0, n_samples - 1, MAX_MOMENT_ROWS).astype(int)
            design, weight = design[rows], weight[rows]
        share, design = weight / weight.sum(), design.astype(np.float64, copy=False)
        means = share @ design
        return cls(means, share @ (design - means) ** 2)


class Coordinates:
    """Points in the place of neurons (K, n_inputs), see the module.

    Parameters
    ----------
    moments : Moments
    damping : float
        Positive, in units of a square of the design.
    """

    def __init__(self, moments, damping):
        self.scales = 1.0 / np.sqrt(moments.variances + damping)
        # (I + v v^T)^{-1/2} = I - v v^T (1 - 1 / sqrt(1 + |v|^2)) / |v|^2.
        means = self.scales * moments.means
        square = float(means @ means)
        self.axis = means * np.sqrt((1.0 - 1.0 / np.sqrt(1.0 + square)) / square) if square > 0.0 else means

    def astype(self, dtype):
        """Return the same coordinates in another precision."""
        other = object.__new__(Coordinates)
        other.scales, other.axis = self.scales.astype(dtype), self.axis.astype(dtype)
        return other

    def neurons(self, points):
        """Return the neurons at points."""
        return (points - np.outer(points @ self.axis, self.axis)) * self.scales

    def points(self, neurons):
        """Return the points of neurons."""
        points, square = neurons / self.scales, float(self.axis @ self.axis)
        return points + np.outer(points @ self.axis, self.axis) / (1.0 - square)

    def slopes(self, slopes):
        """Return the slopes in the points, of those in the neurons."""
        scaled = slopes * self.scales
        return scaled - np.outer(scaled @ self.axis, self.axis)
