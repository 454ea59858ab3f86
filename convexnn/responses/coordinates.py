"""Coordinates in which a network may move while its neurons stay in their cells and on their kinks.

Conventions
-----------
A neuron keeps its activation pattern while it stays in its cell. Rows on whose hyperplane it lies (its kinks) are held
there by an orthonormal basis of the directions orthogonal to them: a small change of the data moves the optimum along
these hyperplanes and not off them.
jacobian : (n_samples, n_outputs, n_coordinates), the change of the fit with every coordinate.
"""

import numpy as np
from scipy.linalg import block_diag

from .._utils.norms import nonzero, norms

# A neuron lies on the hyperplane of a row when the sine of its angle to it is at most 1e-10.
MAX_KINK_SINE = 1e-10
# Two neurons are parts of one when their unit vectors are at most 1e-9 apart.
MERGE_DISTANCE = 1e-9
# Unit rows are dependent along directions of a singular value of at most 1e-9.
MIN_KINK_SINGULAR_VALUE = 1e-9


class Cells:
    """The neurons of a network, their patterns and kinks on the rows of a problem, and its free terms.

    Attributes
    ----------
    neurons : ndarray of shape (K, n_inputs)
        Balanced, none of them zero, the parts of one put together.
    outputs : ndarray of shape (K, n_outputs)
    free_outputs : ndarray of shape (n_outputs, k)
        Basis of the outputs that a column of the free terms may have.
    rows : ndarray of shape (n_samples, n_inputs)
        The design of the problem.
    active, kinks : ndarrays of bool of shape (n_samples, K)
    bases : list of ndarrays of shape (n_inputs, k)
        The directions in which each neuron may move.
    """

    def __init__(self, problem, network):
        network = network.merged(MERGE_DISTANCE).balanced()
        self.hidden_bias = problem.hidden_bias
        self.skip, self.intercept = problem.skip_connection, problem.fit_intercept
        self.rows, self.neurons = problem.design, network.neurons
        self.n_outputs = 1 if network.output_weights.ndim == 1 else network.output_weights.shape[1]
        self.outputs = network.output_weights.reshape(network.width, self.n_outputs)
        values = problem.design @ self.neurons.T
        sizes = np.multiply.outer(norms(problem.design), norms(self.neurons))
        # The multinomial loss sees rows modulo constants: outputs of the free terms add up to 0.
        self.free_outputs = orthogonal_to(np.ones((int(not problem.loss.is_separable), self.n_outputs)))
        self.kinks = np.abs(values) <= MAX_KINK_SINE * sizes
        self.active = (values > 0.0) & ~self.kinks
        self.bases = [orthogonal_to(problem.design[rows]) for rows in self.kinks.T]
        # Differences from a row: far from the origin the columns of a skip connection hardly differ from ones.
        self.origin = problem.features[0] if self.skip and self.intercept else 0.0

    def design(self, X):
        """Return the inputs of the hidden layer at rows of X."""
        return np.column_stack([X, np.ones(len(X))]) if self.hidden_bias else X

    def free(self, X):
        """Return columns that span the free terms at rows of X, of shape (n_rows, n_free)."""
        columns = [X - self.origin] if self.skip else []
        return np.hstack([*columns, np.ones((len(X), int(self.intercept)))])


class Blocks:
    """Coordinates of a network with one output: of ``w_k = |alpha_k| u_k`` between its kinks, then the free terms.

    The fit is linear in them, ``sum_k s_k D_k design w_k + free b``, and the penalty is ``beta sum_k ||w_k||``. Neurons
    of one sign and one pattern, which are collinear at an optimum, are added up.
    """

    def __init__(self, cells):
        self.cells = cells
        signs = np.sign(cells.outputs[:, 0])
        # Sign and pattern (1 on, -1 off, 0 on the kink) tell which neurons are collinear at an optimum.
        kinds = np.vstack([signs, cells.active - 1.0 * (~cells.active & ~cells.kinks)]).T
        _, first, group = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
        self.blocks = np.zeros((len(first), cells.neurons.shape[1]))
        np.add.at(self.blocks, group.reshape(-1), np.abs(cells.outputs) * cells.neurons)
        self.signs, self.active = signs[first], cells.active[:, first]
        self.bases = [cells.bases[k] for k in first]

    def jacobian(self, X, active=None):
        """Return the change of the fit at rows of X; `active` are the neurons that are on, by their signs if None."""
        design = self.cells.design(X)
        if active is None:
            active = design @ self.blocks.T > 0.0
        parts = zip(self.signs, active.T, self.bases, strict=True)
        columns = [sign * on[:, None] * (design @ basis) for sign, on, basis in parts]
        return np.hstack([*columns, self.cells.free(X)])[:, None, :]

    def pulls(self, beta):
        """Return the gradient of the penalty, one array per neuron."""
        return [beta * unit for unit in self._units()]

    def curvature(self, beta, jacobian, dual_point):
        """Return the Hessian of the penalty, of shape (n_coordinates, n_coordinates)."""
        parts = [
            # The Hessian of beta ||w|| is beta / ||w|| (I - u u').
            (beta / size) * (np.eye(len(unit)) - np.outer(unit, unit))
            for size, unit in zip(norms(self.blocks), self._units(), strict=True)
        ]
        n_free = jacobian.shape[2] - sum(map(len, parts))
        return block_diag(*parts, np.zeros((n_free, n_free)))

    def _units(self):
        """The directions of the blocks in their bases."""
        inner = [basis.T @ block for basis, block in zip(self.bases, self.blocks, strict=True)]
        return [vector / nonzero(np.linalg.norm(vector)) for vector in inner]


class Factors:
    """Coordinates of a network with several outputs: of u_k between its kinks and of a_k, then the free terms.

    The penalty is ``beta/2 sum_k (||u_k||^2 + ||a_k||^2)``; the fit is bilinear, and at an optimum the whole objective
    has a positive semidefinite Hessian in them.
    """

    def __init__(self, cells):
        self.cells, self.active, self.bases = cells, cells.active, cells.bases

    def jacobian(self, X, active=None):
        """Return the change of the fit at rows of X; `active` are the neurons that are on, by their signs if None."""
        cells, n_outputs = self.cells, self.cells.n_outputs
        design, unit = cells.design(X), np.eye(n_outputs)
        values = design @ cells.neurons.T
        if active is None:
            active = values > 0.0
        columns = [np.zeros((len(X), n_outputs, 0))]
        for k, basis in enumerate(self.bases):
            on = active[:, k, None]
            columns.append(np.einsum("ib,c->icb", on * (design @ basis), cells.outputs[k]))
            columns.append(np.multiply.outer(on[:, 0] * values[:, k], unit))
        free = np.einsum("iq,cd->icqd", cells.free(X), cells.free_outputs).reshape(len(X), n_outputs, -1)
        return np.concatenate([*columns, free], axis=2)

    def pulls(self, beta):
        """Return the gradient of the penalty, one array per neuron."""
        neurons = zip(self.bases, self.cells.neurons, self.cells.outputs, strict=True)
        return [beta * np.concatenate([basis.T @ neuron, output]) for basis, neuron, output in neurons]

    def curvature(self, beta, jacobian, dual_point):
        """Return the Hessian of the penalty and of what is bilinear in the fit."""
        n_outputs, at = self.cells.n_outputs, 0
        hessian = np.zeros((jacobian.shape[2],) * 2)
        for k, basis in enumerate(self.bases):
            size = basis.shape[1]
            inner, outer = slice(at, at + size), slice(at + size, at + size + n_outputs)
            on = self.active[:, k, None] * self.cells.rows
            # The fit is bilinear in u_k and a_k: their mixed derivative is -nu times the rows that are on.
            hessian[inner, outer] = -(on @ basis).T @ dual_point
            hessian[outer, inner] = hessian[inner, outer].T
            at += size + n_outputs
        hessian[np.arange(at), np.arange(at)] += beta
        return hessian


def orthogonal_to(rows):
    """Return an orthonormal basis, as columns, of the vectors orthogonal to `rows`; zero rows do not count."""
    sizes = norms(rows)
    rows = rows[sizes > 0] / sizes[sizes > 0, None]
    if len(rows) == 0:
        return np.eye(rows.shape[1])
    _, values, rotation = np.linalg.svd(rows)
    return rotation[int(np.sum(values > MIN_KINK_SINGULAR_VALUE)) :].T
