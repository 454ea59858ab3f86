"""The models that are compared, each as it comes or as its documentation advises, and the preparation they share."""

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from convexnn import ConvexReLUClassifier, ConvexReLURegressor

OURS = "ours"
MAX_CATEGORIES = 20  # of a column of words: the rarer ones share a column


def preparation():
    """Return the transformer of a table to numbers: median or most frequent value, standardised or 0/1 columns."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=MAX_CATEGORIES)
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include=["number", "bool"])),
            ("words", words, make_column_selector(dtype_include=object)),
        ]
    )


def perceptron(seed):
    """Return scikit-learn's network of 100 neurons on targets of unit variance."""
    network = MLPRegressor(max_iter=1000, random_state=seed)
    return TransformedTargetRegressor(network, transformer=StandardScaler())


REGRESSORS = {
    OURS: lambda seed: ConvexReLURegressor(),
    "linear": lambda seed: RidgeCV(np.logspace(-3, 4, 15)),
    "perceptron": perceptron,
    "boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
    "forest": lambda seed: RandomForestRegressor(random_state=seed),
}
CLASSIFIERS = {
    OURS: lambda seed: ConvexReLUClassifier(),
    "linear": lambda seed: LogisticRegressionCV(Cs=np.logspace(-3, 3, 7), cv=5, max_iter=2000, scoring="neg_log_loss"),
    "perceptron": lambda seed: MLPClassifier(max_iter=1000, random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "forest": lambda seed: RandomForestClassifier(random_state=seed),
}
NAMES = tuple(REGRESSORS)


def make_model(name, is_regression, seed):
    """Return a new model of that name."""
    return (REGRESSORS if is_regression else CLASSIFIERS)[name](seed)
