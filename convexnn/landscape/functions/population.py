"""The population loss of a teacher and a student of ReLU neurons as a function of the student's weights."""

from __future__ import annotations

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.validation import check_count
from ..teacher_student import check_neurons, population_gradient, population_hessian, population_loss
from .base import SmoothFunction


class PopulationLoss(SmoothFunction):
    """``F(W) = 1/2 E (sum_i (w_i^T x)_+ - sum_j (v_j^T x)_+)^2``, x ~ N(0, I), of the neurons w_i of a student.

    Value, gradient and Hessian are `population_loss`, `population_gradient` and `population_hessian` of
    ``W = weights.reshape(n_students, n_features)``. The function is smooth where no neuron of the student is zero.

    Parameters
    ----------
    V : array-like of shape (n_teachers, n_features)
        The teacher's neurons, none of them zero.
    n_students : int
        Neurons of the student. With as many as the teacher has, or more, the least value is 0.

    Attributes
    ----------
    V : ndarray of shape (n_teachers, n_features)
    optimal_value : float or None
        0.0, or None where the student has fewer neurons than the teacher.
    start_scale : float
        ``1 / sqrt(n_features)``, as in the published tables.

    Raises
    ------
    ValueError
        For bad input.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape.functions import PopulationLoss, second_order_points
    >>> found = second_order_points(PopulationLoss(np.eye(3), 3), n_starts=5, random_state=0)
    >>> found.all_global
    True
    """

    def __init__(self, V: ArrayLike, n_students: int) -> None:
        self.V = check_neurons(V, "V")
        self.shapes = ((check_count(n_students, "n_students"), self.V.shape[1]),)
        self.optimal_value = 0.0 if n_students >= len(self.V) else None
        self.start_scale = 1.0 / np.sqrt(self.V.shape[1])

    def value(self, weights: ArrayLike) -> float:
        """Return the loss at weights of shape (n_weights,)."""
        return population_loss(self.unpack(weights)[0], self.V)

    def gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient, of shape (n_weights,)."""
        return population_gradient(self.unpack(weights)[0], self.V).ravel()

    def hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian, symmetric, of shape (n_weights, n_weights)."""
        return population_hessian(self.unpack(weights)[0], self.V)

    def __repr__(self):
        return f"PopulationLoss({self.shapes[0][0]} students, {len(self.V)} teachers, {self.V.shape[1]} features)"
