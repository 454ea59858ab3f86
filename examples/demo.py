"""Watch a network train on real data with a certificate, then a smaller one to a proven global optimum.

Data: the diabetes study of Efron, Hastie, Johnstone and Tibshirani (2004) that comes with scikit-learn: 442 patients,
10 measurements, and how far the disease went within a year. Run it with ``make demo``; it saves ``demo.png``.
"""

from pathlib import Path
from time import perf_counter

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor
from convexnn.plotting import CertificateDisplay, NetworkDisplay

PICTURE = Path("demo.png").resolve()
SMALLER = {"bmi": "body mass index (kg/m²)", "s5": "log serum triglycerides", "bp": "mean blood pressure"}
TARGET = "progression after one year"


def main():
    start = perf_counter()
    data = load_diabetes(scaled=False)
    X, y = data.data, data.target

    print(f"1. All the data: {X.shape[0]} patients x {X.shape[1]} measurements. (The first fit also compiles.)")
    full = make_pipeline(StandardScaler(), ConvexReLURegressor(verbose=1)).fit(X, y)
    report(full[-1])

    print("\n2. A smaller real problem, the same patients by body mass index, triglycerides and blood pressure.")
    columns = [data.feature_names.index(name) for name in SMALLER]
    small = make_pipeline(StandardScaler(), ConvexReLURegressor(verbose=1)).fit(X[:, columns], y)
    report(small[-1])

    print("\n3. Is the network any good? R2 on held-out patients, five folds, all the measurements standardised.")
    scores = cross_validate(models(full[-1].beta_ / y.std()), X, y)

    picture(small, X[:, columns], y, scores)
    print(f"\nPicture saved to {PICTURE}   (all of this took {perf_counter() - start:.0f} s)")


def report(model):
    print(model.certificate_)
    neurons = f"{model.network_.width} neurons, beta = {model.beta_:.5g}"
    if model.certificate_.status == "optimal":
        print(f"Proven: no two-layer ReLU network of any width has a smaller objective. {neurons}.")
    else:
        print(f"A bound, not a proof of optimality: the truth lies between the two figures. {neurons}.")


def models(alpha):
    """The peers; MLPRegressor's alpha is our beta for a target of unit variance (its biases are not penalised)."""

    def on_unit_target(**options):
        network = MLPRegressor(hidden_layer_sizes=(100,), random_state=0, **options)
        return TransformedTargetRegressor(network, transformer=StandardScaler())

    return {
        "RidgeCV": RidgeCV(np.logspace(-2, 4, 50)),
        "MLP, early stopping": on_unit_target(early_stopping=True, max_iter=2000),
        "MLP, our weight decay": on_unit_target(solver="lbfgs", alpha=alpha, max_iter=2000),
        "ConvexReLURegressor": ConvexReLURegressor(proof="heuristic"),  # folds need no proof of their own
    }


def cross_validate(models, X, y):
    """Print R2 fold by fold, the same folds for all; return {name: scores}."""
    scores, seconds = {name: [] for name in models}, dict.fromkeys(models, 0.0)
    print("        " + "".join(f"{name:>24}" for name in models))
    for fold, (train, test) in enumerate(KFold(5, shuffle=True, random_state=0).split(X), 1):
        for name, model in models.items():
            start = perf_counter()
            fitted = make_pipeline(StandardScaler(), clone(model)).fit(X[train], y[train])
            seconds[name] += perf_counter() - start
            scores[name].append(fitted.score(X[test], y[test]))
        print(f"fold {fold}  " + "".join(f"{scores[name][-1]:>24.3f}" for name in models), flush=True)
    print("R2      " + "".join(f"{f'{np.mean(s):.3f} +- {np.std(s):.3f}':>24}" for s in scores.values()))
    print("time    " + "".join(f"{f'{t / 5:.1f} s a fold':>24}" for t in seconds.values()))
    return scores


def picture(small, X, y, scores):
    """The proven optimum at three blood pressures, the way to its proof, and the scores."""
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(15, 9.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    top.suptitle(
        "The proven optimum: no two-layer ReLU network of any width has a smaller training objective", fontsize=15
    )
    limits = (50.0, 300.0)
    edges = np.percentile(X[:, 2], [0, 100 / 3, 200 / 3, 100])
    axes = top.subplots(1, 3, sharey=True)
    for k, (ax, level) in enumerate(zip(axes, ("low", "medium", "high"), strict=True)):
        group = (edges[k] <= X[:, 2]) & (X[:, 2] <= edges[k + 1])
        middle = np.median(X[group], axis=0)
        display = NetworkDisplay.from_estimator(small, X, y, at=middle, labels=[SMALLER["bmi"], SMALLER["s5"], TARGET])
        display.points, display.targets = X[group][:, :2], y[group]
        display.plot(ax, limits=limits)
        ax.set_title(f"{level} blood pressure: at {middle[2]:.0f} mmHg")
        ax.label_outer()
    axes[0].plot([], [], "--", color="#d55e00", linewidth=2, label="where a neuron switches on")
    axes[0].legend(loc="upper right", fontsize="small")
    label = f"{TARGET}\n(area: network, points: patients)"
    top.colorbar(display.surface_, ax=axes, label=label, pad=0.01, ticks=range(50, 301, 50))

    left, right = bottom.subplots(1, 2, width_ratios=[1.25, 1])
    CertificateDisplay.from_estimator(small).plot(left)
    left.set_title("The way to the proof")
    for row, (name, values) in enumerate(reversed(scores.items())):
        colour = "#d55e00" if name.startswith("Convex") else "#1f2a44"
        right.plot(values, [row] * len(values), "o", color=colour, alpha=0.45, markeredgewidth=0, markersize=8)
        right.plot(np.mean(values), row, "|", color=colour, markersize=30, markeredgewidth=3)
    right.set_yticks(range(len(scores)), list(reversed(scores)))
    right.set_ylim(-0.6, len(scores) - 0.4)
    right.grid(axis="x", color="#e3e7ee")
    right.set_axisbelow(True)
    right.set_xlabel("R² on held-out patients (dots: folds, bar: mean)")
    right.set_title("Ten measurements, five folds")
    figure.savefig(PICTURE, dpi=130)


if __name__ == "__main__":
    main()
