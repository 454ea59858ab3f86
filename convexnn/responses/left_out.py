"""Every sample of a trained problem left out in turn, in the order of the caller's samples."""

from dataclasses import dataclass

import numpy as np

from .linear import LinearResponse

# Samples whose shares of a row add up to all of it but 1e-12 are the whole row.
SHARE_ROUNDING = 1e-12


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

    def leaving(self, which):
        """Return the rows that some samples are of, each once, and the shares of their weights that leave with them."""
        which = which[self.share[which] > 0.0]
        rows, place = np.unique(self.row[which], return_inverse=True)
        shares = np.bincount(place, self.share[which], len(rows))
        return rows, np.where(shares >= 1.0 - SHARE_ROUNDING, 1.0, shares)


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
        row_terms = problem.loss.terms(problem.y, self.response.fit.reshape(problem.y.shape))
        self._row_losses = problem.weight * (row_terms if row_terms.ndim == 1 else row_terms.sum(axis=1))
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

    def without(self, sets, X):
        """Return what is left when sets of samples leave, those of a set together, to first order.

        Parameters
        ----------
        sets : sequence of ndarrays of int
        X : ndarray of shape (n_points, n_features)

        Returns
        -------
        predictions : ndarray of shape (n_sets, n_points) or (n_sets, n_points, n_outputs)
        own_moves : ndarray of shape (n_sets, n_outputs)
            Root mean squares of the moves of the fit at their rows, 0 where none of them has a weight.
        falls : ndarray of shape (n_sets,)
            By how much the optimal objective falls, to second order.
        """
        steps, own, falls = zip(*map(self._leave, sets), strict=True)
        parts = [values for _, values in self.response.predictions_after(X, np.array(steps))]
        predictions = np.concatenate(parts, axis=1).reshape(len(sets), len(X), *self.y.shape[1:])
        return predictions, np.array(own), np.array(falls)

    def _leave(self, which):
        """Return the step of the coordinates, the own moves and the fall of the objective for one set of samples."""
        response = self.response
        rows, shares = self.samples.leaving(which)
        forces, moves = response.joint_forces(rows, shares)
        # The loss of the rows goes, and the others gain half the force at hand times the way.
        gained = -0.5 * np.sum(shares[:, None] * response.dual_point[rows] * moves)
        own = np.sqrt(np.mean(moves**2, axis=0)) if len(rows) else np.zeros(moves.shape[1])
        return response.joint_step(rows, forces), own, shares @ self._row_losses[rows] + gained

    def predictions_at(self, X):
        """Yield (part of X, predictions): at those rows, by the network without each sample of positive weight.

        The predictions have the shape (n, len(part)), for one output.
        """
        counted = self.samples.share > 0.0
        rows, forces = self.samples.row[counted], self._forces[counted]
        for part, values in self.response.moved_predictions(X, rows, forces):
            yield part, values[:, :, 0]
