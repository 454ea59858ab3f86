"""The fitted model behind an estimator or a pipeline, and what its neurons do on a grid over one or two features."""

from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from ._style import verdict


def last_step(estimator):
    """Return the fitted last step of a pipeline, or the fitted estimator itself."""
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    check_is_fitted(model)
    return model


def fitted(estimator, name, needs):
    """Return the fitted model behind `estimator` after checking that it has the attribute `needs`."""
    model = last_step(estimator)
    if not hasattr(model, needs):
        raise InvalidInputError(f"estimator must be one of convexnn with {needs}, to be {name}; got {model!r}.")
    return model


@dataclass(frozen=True)
class Slice:
    """A grid over one or two features in the units of X, the other features held.

    Attributes
    ----------
    grid : list of ndarray
        Values of the one feature, or of the two.
    rows : array or DataFrame of shape (n_points, n_features)
        The points of the grid, as the estimator takes them.
    shape : tuple
        Shape of an array of values on the grid.
    points : ndarray of shape (n_samples, len(grid))
        The rows of X in the features that are drawn.
    names : list of str
        Names of these features.
    n_held : int
        Number of the other features.
    """

    grid: list
    rows: object
    shape: tuple
    points: np.ndarray
    names: list
    n_held: int

    def title(self, certificate, at):
        """Return the verdict of the certificate, and the values of the features that are not drawn."""
        where = "their medians" if at is None else "given values"
        held = f"\nother features held at {where}: {self.n_held}" if self.n_held else ""
        return verdict(certificate) + held

    def preactivations(self, estimator):
        """Return ``[x, 1] u_j`` on the grid, (n_kinks, *shape), of the neurons with a mass that depend on x."""
        directions = switching(last_step(estimator))
        # Neurons see the data after the steps before the model.
        several = isinstance(estimator, Pipeline) and len(estimator) > 1
        inputs = np.asarray(estimator[:-1].transform(self.rows) if several else self.rows, dtype=float)
        inputs = np.column_stack([inputs, np.ones(len(inputs))])[:, : directions.shape[1]]
        return (directions @ inputs.T).reshape(-1, *self.shape)


def slice_of(estimator, X, features, at, n_points, allowed=(1, 2)):
    """Return the `Slice` of an estimator through `at`, the medians of X by default."""
    table = np.asarray(X, dtype=float)
    if table.ndim != 2:
        raise InvalidInputError(f"X must have rows and columns; got shape {table.shape}.")
    n_features = table.shape[1]
    features = _columns_of(X, features, n_features, allowed)
    centre = np.median(table, axis=0) if at is None else np.asarray(at, dtype=float)
    if centre.shape != (n_features,):
        raise InvalidInputError(f"at must have an entry for each of the {n_features} features; got {centre.shape}.")
    n_points = check_count(n_points, "n_points", minimum=2)
    names = getattr(estimator, "feature_names_in_", [f"feature {k}" for k in range(n_features)])
    grid = [_around(table[:, k], n_points) for k in features]
    axes = np.meshgrid(*grid)
    # Every point of the grid has the centre's values in the features that are not drawn.
    rows = np.tile(centre, (axes[0].size, 1))
    rows[:, features] = np.column_stack([axis.ravel() for axis in axes])
    rows = type(X)(rows, columns=X.columns) if hasattr(X, "columns") else rows
    return Slice(
        grid, rows, axes[0].shape, table[:, features], [str(names[k]) for k in features], n_features - len(features)
    )


def _columns_of(X, features, n_features, allowed):
    """Return the positions of columns of X that are given by position, or by name where X has names."""
    given = [features] if isinstance(features, str) else np.atleast_1d(np.asarray(features, dtype=object)).tolist()
    names = list(getattr(X, "columns", []))
    found = [names.index(k) if isinstance(k, str) and k in names else k for k in given]
    distinct = len(set(found)) == len(found) in allowed
    if not distinct or not all(isinstance(k, int | np.integer) and 0 <= k < n_features for k in found):
        wanted = " or ".join("zero one two".split()[count] for count in allowed)
        known = f", by position below {n_features}" + (" or by name" if names else "")
        raise InvalidInputError(f"features must be {wanted} different columns of X{known}; got {given}.")
    return [int(k) for k in found]


def switching(model):
    """Return the directions (n_kinks, n_inputs), bias last, along which a fitted model's neurons or gates switch."""
    if hasattr(model, "network_"):
        network = model.network_
        used = (network.masses > 0) & np.any(network.hidden_weights != 0, axis=1)
        return network.neurons[used]
    if hasattr(model, "gates_"):
        used = np.any(
            model.blocks_ != 0, axis=tuple(k for k in range(model.blocks_.ndim) if k != model.blocks_.ndim - 2)
        )
        return model.gates_[used]
    raise InvalidInputError(f"estimator must be one of convexnn, with neurons or gates; got {model!r}.")


def _around(column, n_points):
    """Return evenly spaced values over the column's range and a little beyond."""
    margin = 0.04 * (np.ptp(column) or 1.0)
    return np.linspace(column.min() - margin, column.max() + margin, n_points)
