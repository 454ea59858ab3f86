"""Watch networks train on real data: one with a bound, a smaller one to a proven global optimum, both against peers.

The data are those of the diabetes study of Efron, Hastie, Johnstone and Tibshirani (2004) that come with scikit-learn:
442 patients, 10 measurements, and how far the disease went within a year. They are nearly linear; Friedman's function
(1991), which is not, stands beside them at the end.
"""

from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .._utils.threads import one_blas_thread
from ..estimators import ConvexReLURegressor
from .outcomes import Outcome, certificate_entries, neurons_text
from .pictures import check_plot, save_figure
from .streams import stop_if_interrupted

# The demo prints as it goes along.
PRINTS = True
DRAWN_FEATURES = ("bmi", "s5", "bp")
OURS = "ConvexReLURegressor"
# Rows of Friedman's function.
N_TRAIN, N_TEST = 500, 3000


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument(
        "-o", "--output", metavar="FILE.png", default="demo.png", help="the picture (default: demo.png)"
    )
    parser.add_argument("--no-plot", action="store_true", help="save no picture")


def run(arguments):
    """Train, compare and draw; return the `Outcome`."""
    start = perf_counter()
    picture = None if arguments.no_plot else Path(arguments.output).resolve()
    check_plot(picture, "--output")
    data = load_diabetes(scaled=False)
    X, y = data.data, data.target

    print(f"1. All the data: {X.shape[0]} patients x {X.shape[1]} measurements. (The first fit also compiles.)")
    full = fit_and_report(X, y)

    print("\n2. A smaller real problem, the same patients by body mass index, triglycerides and blood pressure.")
    columns = [data.feature_names.index(name) for name in DRAWN_FEATURES]
    small = fit_and_report(X[:, columns], y, tol=1e-6)

    print("\n3. Is the network any good? R2 on held-out patients, five folds, all the measurements standardised.")
    print("   Ridge and ours choose their strength from the rows they train on; the second MLP takes that of step 1.")
    # The peers would spread small products over threads, which makes all of them slower.
    with one_blas_thread():
        scores, seconds = cross_validate(models(full[-1].beta_ / y.std()), X, y)

    print(f"\n4. Data that bend: Friedman's function of 5 of 10 inputs, with noise, {N_TRAIN} rows to train on.")
    with one_blas_thread():
        bent, taken = friedman_scores()
    print_scores({f"diabetes, {len(X)} rows": averages(scores), f"Friedman, {N_TRAIN} rows": bent})
    if picture is not None:
        from ..plotting._demo import demo_figure

        save_figure(demo_figure(small, X[:, columns], y, scores), picture)
    in_all = f"(all of this took {perf_counter() - start:.0f} s)"
    print(f"\nPicture saved to {picture}   {in_all}" if picture else f"\n{in_all}")
    document = {
        "all_measurements": described(full[-1]),
        "three_measurements": described(small[-1]),
        "held_out_r2": scores,
        "seconds_per_fold": seconds,
        "friedman_r2": bent,
        "friedman_seconds": taken,
        "picture": picture,
        "seconds": perf_counter() - start,
    }
    return Outcome(document, lambda console: None)


def fit_and_report(X, y, **options):
    """Train on standardised measurements and print what is proven; return the pipeline."""
    pipeline = make_pipeline(StandardScaler(), ConvexReLURegressor(verbose=1, **options)).fit(X, y)
    model = pipeline[-1]
    stop_if_interrupted(model)
    print(model.certificate_)
    skip = " beside linear terms" if model.skip_connection_ else ""
    neurons = f"{neurons_text(model.network_.width)}{skip}, beta = {model.beta_:.5g}"
    if model.certificate_.status == "optimal":
        print(f"Proven: no two-layer ReLU network of any width has a smaller objective. {neurons}.")
    else:
        print(f"A bound, not a proof of optimality: the truth lies between the two figures. {neurons}.")
    return pipeline


def described(model):
    """Return the figures of a fitted model."""
    return {"width": model.network_.width, "beta": model.beta_, "certificate": certificate_entries(model.certificate_)}


def models(alpha):
    """The peers; MLPRegressor's alpha is our beta for a target of unit variance (its biases are not penalised)."""

    def on_unit_target(**options):
        network = MLPRegressor(hidden_layer_sizes=(100,), random_state=0, **options)
        return TransformedTargetRegressor(network, transformer=StandardScaler())

    return {
        "RidgeCV": RidgeCV(np.logspace(-2, 4, 50)),
        "MLP, early stopping": on_unit_target(early_stopping=True, max_iter=2000),
        "MLP, our weight decay": on_unit_target(solver="lbfgs", alpha=alpha, max_iter=2000),
        OURS: ConvexReLURegressor(proof="heuristic"),  # folds need no proof of their own
    }


def cross_validate(models, X, y):
    """Print R2 fold by fold, the same folds for all; return the scores and the seconds of a fold, by name."""
    scores, seconds = {name: [] for name in models}, dict.fromkeys(models, 0.0)
    print("        " + "".join(f"{name:>24}" for name in models))
    for fold, (train, test) in enumerate(KFold(5, shuffle=True, random_state=0).split(X), 1):
        for name, model in models.items():
            start = perf_counter()
            fitted = make_pipeline(StandardScaler(), clone(model)).fit(X[train], y[train])
            stop_if_interrupted(fitted[-1])
            seconds[name] += (perf_counter() - start) / 5
            scores[name].append(fitted.score(X[test], y[test]))
        print(f"fold {fold}  " + "".join(f"{scores[name][-1]:>24.3f}" for name in models), flush=True)
    print("R2      " + "".join(f"{f'{np.mean(s):.3f} +- {np.std(s):.3f}':>24}" for s in scores.values()))
    print("time    " + "".join(f"{f'{t:.1f} s a fold':>24}" for t in seconds.values()))
    return scores, seconds


def friedman_scores():
    """Return R2 on the test rows of Friedman's function and the seconds of training, by name."""
    X, y = make_friedman1(N_TRAIN + N_TEST, noise=1.0, random_state=0)
    scores, seconds = {}, {}

    def train(name, model):
        start = perf_counter()
        fitted = make_pipeline(StandardScaler(), clone(model)).fit(X[:N_TRAIN], y[:N_TRAIN])
        stop_if_interrupted(fitted[-1])
        seconds[name], scores[name] = perf_counter() - start, fitted.score(X[N_TRAIN:], y[N_TRAIN:])
        return fitted[-1]

    ours = train(OURS, models(1.0)[OURS])  # first: the peers take its weight decay
    for name, model in models(ours.beta_ / y[:N_TRAIN].std()).items():
        if name != OURS:
            train(name, model)
    return scores, seconds


def averages(scores):
    """Return the means of the folds, by name."""
    return {name: float(np.mean(values)) for name, values in scores.items()}


def print_scores(tables):
    """Print R2 of every model, a line for every table."""
    names = list(next(iter(tables.values())))
    print(f"{'held-out R2':<20}" + "".join(f"{name:>24}" for name in names))
    for table, scores in tables.items():
        print(f"{table:<20}" + "".join(f"{scores[name]:>24.3f}" for name in names))
