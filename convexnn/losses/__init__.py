"""Losses of the fit: value, negative gradient, conjugate, and the bounds that the dual needs."""

from .base import Loss
from .choice import LOSSES, VECTOR_LOSSES, make_loss
from .classification import LogisticLoss, SquaredHingeLoss
from .fitting import minimum_norm_fit, orthonormal, solve_linear_program
from .regression import AbsoluteLoss, HuberLoss, ProximalLoss, QuantileLoss, SquaredLoss
from .several_outputs import ColumnLoss, MultinomialLoss

__all__ = [
    "LOSSES",
    "VECTOR_LOSSES",
    "AbsoluteLoss",
    "ColumnLoss",
    "HuberLoss",
    "Loss",
    "LogisticLoss",
    "MultinomialLoss",
    "ProximalLoss",
    "QuantileLoss",
    "SquaredHingeLoss",
    "SquaredLoss",
    "make_loss",
    "minimum_norm_fit",
    "orthonormal",
    "solve_linear_program",
]
