"""The data of a training problem, and what follows from them alone: free terms, centred targets, hidden fits.

Conventions are those of `problem`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from .._utils.display import Shown
from .._utils.norms import norms
from .._utils.row_blocks import relu_products, row_blocks
from ..losses import Loss, minimum_norm_fit
from .evaluation import FIT_ROUNDING
from .free_span import free_span

LARGEST_SUMMANDS = 1e6  # free terms may add up to this times the largest target and still explain a residual
MIN_FREE_SINGULAR_VALUE = 1e-12  # free terms with a singular value below this share of the largest are not fitted


@dataclass(frozen=True, repr=False)
class ProblemData(Shown):
    """The data of a `Problem`, which says what they are."""

    design: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    beta: float
    free: np.ndarray
    rows: np.ndarray
    n_rows: int
    loss: Loss
    hidden_bias: bool
    fit_intercept: bool
    skip_connection: bool

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the networks."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]

    def beside(self, one_a_row: np.ndarray) -> np.ndarray:
        """Return one number a row in the shape in which it multiplies arrays of the shape of y."""
        return one_a_row if self.y.ndim == 1 else one_a_row[:, None]

    def take(self, rows: np.ndarray, factor: float | np.ndarray) -> Self:
        """Return the problem of some of its rows, their weights multiplied by `factor`."""
        return replace(
            self,
            design=self.design[rows],
            y=self.y[rows],
            weight=factor * self.weight[rows],
            free=self.free[rows],
            rows=self.rows[rows],
            loss=self.loss.take(rows),
        )

    @cached_property
    def free_basis(self) -> np.ndarray:
        """Orthonormal basis of the columns of ``sqrt(weight) free``, of shape (n_samples, rank)."""
        free = self.free.astype(np.float64)
        if self.fit_intercept:  # the same span: what lies far from the origin loses its digits otherwise
            free[:, :-1] -= free[0, :-1]
        columns = np.sqrt(self.weight)[:, None] * free
        sizes = np.abs(columns).max(axis=0, initial=0.0)
        columns = columns[:, sizes > 0] / sizes[sizes > 0]
        basis, values, _ = np.linalg.svd(columns, full_matrices=False)
        return basis[:, values > MIN_FREE_SINGULAR_VALUE * values.max(initial=0.0)]

    @cached_property
    def free_span(self) -> Any:
        """The `FreeSpan` of the free terms: what a dual point must be orthogonal to, its rank never cut."""
        return free_span(self.free, self.weight)

    @property
    def has_thin_free_terms(self) -> bool:
        """Whether the free terms span more than what is used where they are fitted."""
        return self.free_span.rank > self.free_basis.shape[1]

    @cached_property
    def row_norms(self) -> np.ndarray:
        """Norms of the rows of the design, of shape (n_samples,)."""
        return np.concatenate([norms(rows) for _, rows in row_blocks(self.design)])

    @cached_property
    def fitting_free_terms(self) -> np.ndarray:
        """The free terms that fit y best in least squares, of shape (n_free,) or (n_free, n_outputs)."""
        root = np.sqrt(self.weight)
        return minimum_norm_fit(root[:, None] * self.free, (root * self.y.T).T)

    @cached_property
    def summands(self) -> np.ndarray:
        """``|y_i|`` and what the free terms that fit y best add up at row i, of the shape of y."""
        size = np.abs(self.y) + np.abs(self.free) @ np.abs(self.fitting_free_terms)
        return np.minimum(size, LARGEST_SUMMANDS * np.abs(self.y).max(axis=0, initial=0.0))

    @cached_property
    def centred(self) -> np.ndarray:
        """The targets less their best fit by the free terms: every dual value may use them instead of y.

        Exactly zero where the free terms fit the targets to rounding.
        """
        return self._off_free_terms(self.y)

    def _off_free_terms(self, values):
        """Residual of the weighted fit of `values` by the free terms, its entries zero below rounding."""
        if self.free_basis.shape[1] == 0:
            return values
        root = self.beside(np.sqrt(self.weight))
        # Beside an intercept targets far from zero keep their digits when the first one is taken off.
        near = values - values[0] if self.fit_intercept else values
        # Projected twice: the first projection leaves rounding of what it takes off.
        rest = self.project(self.project(root * near))
        rest[np.abs(rest) <= FIT_ROUNDING * np.abs(root * values).max(axis=0)] = 0.0
        return rest / root

    def project(self, columns: np.ndarray) -> np.ndarray:
        """Project columns, already multiplied by ``sqrt(weight)``, off the free terms."""
        return columns - self.free_basis @ (self.free_basis.T @ columns)

    def hidden_fits(self, neurons: np.ndarray) -> np.ndarray:
        """Return ``(design neurons^T)_+`` of shape (n_samples, K)."""
        return relu_products(self.design, neurons.T)

    def hidden_fit(self, neurons: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return ``(design neurons^T)_+ outputs``, of the shape of y."""
        blocks = [np.maximum(rows @ neurons.T, 0.0) @ outputs for _, rows in row_blocks(self.design)]
        return np.concatenate(blocks)

    def activated(self, values: np.ndarray) -> np.ndarray:
        """Return the values of the hidden layer at these products of its rows and neurons: here ``max(z, 0)``."""
        return np.maximum(values, 0.0)

    def gains(self, masks: np.ndarray) -> np.ndarray:
        """Return what multiplies ``design u`` on the cone of each pattern, of the shape of `masks`: 1 or 0."""
        return masks.astype(float)

    def priced(self, dual_point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and the entries whose price (see `price`) is that of the dual point: here as they are."""
        return self.design, dual_point

    def free_coefficients(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return the minimum-norm free terms that fit best beside `hidden_fit`: (n_free,) or (n_free, n_outputs)."""
        if self.free.shape[1] == 0:
            return np.zeros((0, *self.y.shape[1:]))
        return self.loss.fit_free(self.y, hidden_fit, self.free, self.weight)

    def free_fit(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return the values of the free terms that fit best beside `hidden_fit`."""
        if self.free.shape[1] == 0:
            return np.zeros_like(hidden_fit)
        return self.free @ self.free_coefficients(hidden_fit)

    @property
    def features(self) -> np.ndarray:
        """The design without the ones column of the hidden bias."""
        return self.design[:, :-1] if self.hidden_bias else self.design

    def spread(self, dual_point: np.ndarray) -> np.ndarray:
        """Return `dual_point` (one entry, or row, per kept row) at the caller's rows, zero at those of weight zero."""
        full = np.zeros((self.n_rows, *self.y.shape[1:]))
        full[self.rows] = dual_point
        return full

    def _shown(self):
        n_samples, n_inputs = self.design.shape
        return type(self).__name__, [
            ("loss", self.loss.name),
            ("beta", f"{self.beta:.6g}"),
            ("rows", str(n_samples)),
            ("inputs", f"{n_inputs} with the bias" if self.hidden_bias else str(n_inputs)),
            ("free terms", str(self.free.shape[1])),
            *([("outputs", str(self.n_outputs))] if self.y.ndim == 2 else []),
        ]
