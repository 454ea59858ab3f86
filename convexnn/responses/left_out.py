"""Every sample of a trained problem left out in turn, in the order of the caller's samples."""

from dataclasses import dataclass

import numpy as np

from .linear import LinearResponse


@dataclass(frozen=True)
class Samples:
    """How the caller's samples stand in the rows of a problem, where equal ones are one row.

    Attributes
    ----------
    row : ndarray of shape (n_samples,)
        The row of the problem that each sample belongs to; any row for those of weight zero.
    share : ndarray of shape (n_samples,)
        The part of the row's weight that it brings, 0 for samples of weight zero.
    idle_X, idle_y : ndarrays of shape (n_idle, n_features) and (n_idle,) or (n_idle, n_outputs)
        The samples of weight zero, which are in no row.
    """

    row: np.ndarray
    share: np.ndarray
    idle_X: np.ndarray
    idle_y: np.ndarray

    def spread(self, values):
        """Share out the values of the rows among their samples, by weight."""
        return (values[self.row].T * self.share).T

    def gather(self, values, idle):
        """Return `values` of the rows and `idle` of the samples of weight zero at the samples."""
        found = np.array(values[self.row])
        found[self.share == 0.0] = idle
        return found


class LeftOut:
    """The fit of a problem when its samples leave, one at a time.

    Attributes
    ----------
    loss_name : str
    y, fit, moves, predictions : ndarrays of shape (n_samples,) or (n_samples, n_outputs)
        `moves` are 0 for samples of weight zero.
    influence : ndarray of shape (n_samples,)
        Leverages, summed over the outputs.
    losses, slopes : ndarrays of shape (n_samples,), and of the shape of y
        The loss of a sample of weight 1 at its prediction, and minus its derivative.
    """

    def __init__(self, problem, network, samples):
        self.response = LinearResponse(problem, network)
        self.samples, self.loss_name = samples, problem.loss.name
        self._forces = self.response.forces(samples.row, samples.share)
        shape = (len(samples.row), *problem.y.shape[1:])
        self.y = samples.gather(problem.y, samples.idle_y)
        idle = network.predict(samples.idle_X) if len(samples.idle_X) else 0.0
        self.fit = samples.gather(self.response.fit.reshape(problem.y.shape), idle)
        self.moves = self.response.moves(samples.row, self._forces).reshape(shape)
        # Samples of weight zero took no part in the training: nothing moves without them.
        self.moves[samples.share == 0.0] = 0.0
        self.predictions = self.fit + self.moves
        leverages = self.response.leverages(samples.row, samples.share)
        self.influence = np.where(samples.share > 0.0, np.trace(leverages, axis1=1, axis2=2), 0.0)
        terms = problem.loss.terms(self.y, self.predictions)
        self.losses = terms if terms.ndim == 1 else terms.sum(axis=1)
        self.slopes = problem.loss.dual_point(self.y, self.predictions, np.ones(len(self.y)))

    def predictions_at(self, X):
        """Yield (part of X, predictions): at those rows, by the network without each sample of positive weight.

        The predictions have the shape (n, len(part)), for one output.
        """
        counted = self.samples.share > 0.0
        rows, forces = self.samples.row[counted], self._forces[counted]
        for part, values in self.response.moved_predictions(X, rows, forces):
            yield part, values[:, :, 0]
