"""Names for the types of the public signatures; shapes and meanings stand in the docstrings."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "ArrayLike",
    "ClassificationLoss",
    "LossName",
    "Patterns",
    "Proof",
    "RandomState",
    "RegressionLoss",
    "Seed",
    "Solver",
]

Proof = Literal["auto", "exact", "bound", "heuristic"]
RegressionLoss = Literal["squared", "huber", "absolute", "quantile"]
ClassificationLoss = Literal["logistic", "squared_hinge", "squared"]
LossName = Literal["squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"]
Solver = Literal["auto", "column_generation", "working_set", "cvxpy"]
Patterns = Literal["auto", "exact", "sampled"]
RandomState = int | np.random.RandomState | np.random.Generator | None
Seed = int | np.random.Generator | np.random.SeedSequence | None
