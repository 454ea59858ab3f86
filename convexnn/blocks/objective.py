"""The objective of all weights of a network on the rows of a source, for L-BFGS: one pass an evaluation."""

from dataclasses import replace

import numpy as np

from ..solvers._coordinates import Coordinates
from ..solvers._lbfgs import StoppableObjective, parts_of
from .sums import sum_over
from .weights import value_and_slopes


class BlockObjective(StoppableObjective):
    """The objective of all weights on all rows and its gradient, one pass over the data an evaluation.

    Parameters
    ----------
    source : RowSource
    weights : Weights
        Where the descent starts, and the width that it has.
    beta : float
    moments : Moments
        Of the inputs of the neurons.
    bent : float
        How much the loss of all rows bends at most.
    coordinates : FreeCoordinates
    stop : callable
    """

    def __init__(self, source, weights, beta, moments, bent, coordinates, *, stop):
        super().__init__(stop)
        self.source, self.like, self.beta, self.free = source, weights, beta, coordinates
        self.shapes = [part.shape for part in (weights.neurons, weights.outputs, weights.free)]
        # The unit of every weight changes the fit of the heaviest neuron about as much.
        mass = float(weights.masses.max(initial=0.0)) or 1.0
        self.coordinates = Coordinates(moments, beta / (bent * mass))
        self.units = np.sqrt(mass) * moments.size, np.sqrt(mass), mass * moments.size

    def pack(self, weights):
        """Return weights as one vector."""
        parts = self.coordinates.points(weights.neurons), weights.outputs, self.free.coefficients(weights.free)
        return np.concatenate([np.ravel(part / unit) for part, unit in zip(parts, self.units, strict=True)])

    def unpack(self, vector):
        """Return the `Weights` of a vector."""
        parts = zip(parts_of(vector, self.shapes), self.units, strict=True)
        points, outputs, free = (part * unit for part, unit in parts)
        return replace(
            self.like, neurons=self.coordinates.neurons(points), outputs=outputs, free=self.free.weights(free)
        )

    def __call__(self, vector):
        """Return the objective and its gradient."""
        self.check_budget()
        weights = self.unpack(vector)
        loss, *pulls = sum_over(self.source.each(value_and_slopes, weights))
        value = float(loss) + weights.penalty(self.beta)
        self.note(value, vector)
        slopes = (
            self.coordinates.slopes(self.beta * weights.neurons - pulls[0]),
            self.beta * weights.outputs - pulls[1],
            -self.free.slopes(pulls[2]),
        )
        return value, np.concatenate([np.ravel(part * unit) for part, unit in zip(slopes, self.units, strict=True)])
