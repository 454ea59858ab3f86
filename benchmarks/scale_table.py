"""Which fraction of beta_max predicts best: cross-validation on the regression data that ship with scikit-learn.

Run ``python benchmarks/scale_table.py``. For every data set and every fraction the mean R^2 over repeated 5-fold
cross-validation is printed; inputs are standardised on the training part of each fold and the network has a hidden
bias and an intercept, as in ``ConvexReLURegressor()``. The regret of a fraction on a data set is the best mean R^2 of
any fraction less its own, where every R^2 below 0 (worse than the mean of the targets) counts as 0. To be quick,
beta_max comes from local ascents, a fit has at most three rounds of pricing (and starts from the network of the
fraction before) and no proof, and data sets are cut to 100 rows chosen at random.
"""

import argparse
import time
import warnings
from functools import partial

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud, load_wine
from sklearn.metrics import r2_score
from sklearn.model_selection import RepeatedKFold
from sklearn.preprocessing import StandardScaler

from convexnn import price
from convexnn.programs import make_problem
from convexnn.solvers.solve import solve

FRACTIONS = (0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
MAX_ROWS = 100
TOLERANCE = 1e-3
MAX_ROUNDS = 3


def one_column(load, column, n_columns=None):
    """Predict one of the (first) columns of a data set from the others; the class is left out."""
    values = load().data[:, :n_columns]
    return np.delete(values, column, axis=1), values[:, column]


def regression_data():
    """Return the loaders of the data sets, by name."""
    exercise = load_linnerud()
    tasks = {"diabetes": partial(load_diabetes, return_X_y=True)}
    for k, name in enumerate(exercise.target_names):
        tasks[f"linnerud {name.lower()}"] = partial(lambda k: (exercise.data, exercise.target[:, k]), k)
    for column, name in ((0, "sepal length"), (1, "sepal width"), (3, "petal width")):
        tasks[f"iris {name}"] = partial(one_column, load_iris, column)
    for column, name in ((0, "alcohol"), (9, "colour")):
        tasks[f"wine {name}"] = partial(one_column, load_wine, column)
    for column, name in ((8, "symmetry"),):
        tasks[f"cancer {name}"] = partial(one_column, load_breast_cancer, column, n_columns=10)
    return tasks


def fold_scores(X, y, train, test):
    """Return the R^2 on the test rows of the networks at all fractions, each started from the one before."""
    scaler = StandardScaler().fit(X[train])
    inputs, network, scores = scaler.transform(X), None, []
    flags = {"hidden_bias": True, "fit_intercept": True}
    unit = make_problem(inputs[train], y[train], 1.0, **flags)
    beta_max = price(unit.design, unit.dual_point(np.zeros(len(train))), proof="heuristic").value
    for fraction in FRACTIONS:
        problem = make_problem(inputs[train], y[train], fraction * beta_max, **flags)
        network = solve(problem, proof="heuristic", tol=TOLERANCE, max_iter=MAX_ROUNDS, start=network).network
        scores.append(r2_score(y[test], network.predict(inputs[test])))
    return scores


def data_scores(X, y, n_repeats, seed=0):
    """Return the mean R^2 at every fraction over repeated 5-fold cross-validation on at most `MAX_ROWS` rows."""
    rows = np.random.default_rng(seed).permutation(len(y))[:MAX_ROWS]
    X, y = X[rows], y[rows]
    folds = RepeatedKFold(n_splits=5, n_repeats=n_repeats, random_state=seed)
    return np.mean([fold_scores(X, y, train, test) for train, test in folds.split(X)], axis=0)


def markdown_table(names, table):
    """Return the scores with the mean regret and the mean rank of every fraction as Markdown."""
    useful = np.maximum(table, 0.0)
    regret = useful.max(axis=1, keepdims=True) - useful
    ranks = 1.0 + (table[:, :, None] < table[:, None, :]).sum(axis=2)
    rows = [*zip(names, table, strict=True), ("**mean regret**", regret.mean(axis=0)), ("**mean rank**", ranks.mean(0))]
    lines = ["| data | " + " | ".join(f"{fraction:g}" for fraction in FRACTIONS) + " |"]
    lines.append("|---|" + "---|" * len(FRACTIONS))
    lines += [f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |" for name, values in rows]
    return "\n".join(lines), FRACTIONS[int(regret.mean(axis=0).argmin())], FRACTIONS[int(ranks.mean(axis=0).argmin())]


def main():
    """Print the table and the two fractions it speaks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", default="", help="run the data sets whose name contains this")
    arguments = parser.parse_args()
    names, table = [], []
    for name, load in regression_data().items():
        if arguments.only in name:
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table.append(data_scores(*load(), arguments.repeats))
            names.append(name)
            scores = " ".join(f"{value:6.3f}" for value in table[-1])
            print(f"{name:20s} {scores}   {time.perf_counter() - started:.0f} s", flush=True)
    text, by_regret, by_rank = markdown_table(names, np.array(table))
    print(f"\n{text}\n\nSmallest mean regret: {by_regret:g}. Best mean rank: {by_rank:g}.")


if __name__ == "__main__":
    main()
