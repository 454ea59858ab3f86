"""Time this machine on one small problem: a proven optimum, the convex program in cvxpy, and MLPRegressor.

The problem: patients of scikit-learn's diabetes data by body mass index, blood pressure and triglycerides, all
standardised, networks without biases. Everybody minimises the same objective and is judged by its value, after a
smaller problem that does not count, because it compiles. Everybody has one thread, and seconds are those of the
processor: threads of BLAS that wait for each other make small problems twenty times as expensive, and other programs
on the machine make every wall clock run. The benchmarks against all peers are in the repository.
"""

import warnings
from functools import partial
from statistics import median
from time import process_time

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

from ..arrangements import enumerate_patterns
from ..estimators import ConvexReLURegressor
from ..network import TwoLayerReLU
from ..programs import convex_program
from .arguments import count
from .outcomes import Outcome, certificate_entries, neurons_text, print_table, proven_or_not
from .streams import stop_if_interrupted
from .unbiased_mlp import UnbiasedMLP

# The strength of the problem that is timed.
BETA = 1.0
# MLPRegressor trains networks of 100 neurons.
WIDTH = 100
BENCH_COLUMNS = {
    "name": "who",
    "seconds": "seconds",
    "ratio": "times ours",
    "objective": "objective",
    "excess": "above the optimum",
    "note": "",
}
BENCH_FORMATS = {"seconds": ".3g", "ratio": ".3g", "excess": ".1e"}
WARMUP_ROWS = 8
# Above 2 seconds one run is enough.
MAX_REPEATED_SECONDS = 2.0


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("--rows", type=count, default=20, metavar="N", help="patients, 10 to 442 (default: 20)")
    parser.add_argument("--repeats", type=count, default=3, metavar="N", help="median of so many runs (default: 3)")
    parser.add_argument("--seeds", type=count, default=5, metavar="N", help="starts of MLPRegressor (default: 5)")


def run(arguments):
    """Time everybody; return the `Outcome`."""
    X, y = problem(max(arguments.rows, WARMUP_ROWS))
    with threadpool_limits(limits=1):
        entries, model = compete(X, y, arguments)
    certificate = model.certificate_
    rows = [row(*entry, entries[0][1], certificate.dual) for entry in entries]
    document = {"n_samples": len(X), "n_features": X.shape[1], "beta": BETA, "competitors": rows}
    document["certificate"] = certificate_entries(certificate)

    def show(console):
        size = f"{len(X)} rows x {X.shape[1]} columns, beta = {BETA:g}"
        console.print(f"{size}, one thread, processor time, median of {arguments.repeats} runs")
        print_table(console, rows, BENCH_COLUMNS, BENCH_FORMATS)
        console.print(str(certificate))

    return Outcome(document, show, proven_or_not(model.status_ == "proven"))


def compete(X, y, arguments):
    """Return name, seconds, objective and note of everybody, and our model: its optimum is the measure of all."""
    seconds, model = timed(ours, X, y, arguments.repeats)
    primal, note = model.certificate_.primal, neurons_text(model.network_.width)
    entries = [("convexnn, with its proof", seconds, primal, note)]
    peers = {"cvxpy with Clarabel": by_cvxpy, "MLPRegressor, L-BFGS": partial(by_descent, seeds=arguments.seeds)}
    for name, function in peers.items():
        seconds, (objective, note) = timed(function, X, y, arguments.repeats)
        entries.append((name, seconds, objective, note))
    return entries, model


def problem(rows):
    """Return the first patients, standardised."""
    X, y = load_diabetes(return_X_y=True)
    return scale(X[:rows, [2, 3, 8]]), scale(y[:rows])


def timed(function, X, y, repeats):
    """Return the median processor seconds of some runs (one where it is long), and the last answer."""
    # A small problem first: compiling and importing are not what is timed.
    function(*problem(WARMUP_ROWS))
    seconds = []
    while not seconds or (len(seconds) < repeats and seconds[0] < MAX_REPEATED_SECONDS):
        start = process_time()
        answer = function(X, y)
        seconds.append(process_time() - start)
    return median(seconds), answer


def row(name, seconds, objective, note, our_seconds, bound):
    """Return a row of the table."""
    figures = {"seconds": seconds, "ratio": seconds / our_seconds, "objective": objective}
    return {"name": name, **figures, "excess": max(0.0, objective / bound - 1.0), "note": note}


def ours(X, y):
    """Return the model of the proven optimum."""
    model = ConvexReLURegressor(BETA, hidden_bias=False, fit_intercept=False).fit(X, y)
    stop_if_interrupted(model)
    return model


def by_cvxpy(X, y):
    """Return the value of the convex program over all activation patterns, which are listed within the time."""
    patterns = enumerate_patterns(X)
    return float(convex_program(X, y, patterns, BETA).solve(solver="CLARABEL")), f"{len(patterns)} patterns, no network"


def by_descent(X, y, seeds):
    """Return the best objective of some starts; all of them are in the time."""
    options = {
        "hidden_layer_sizes": [WIDTH],
        "alpha": BETA,
        "solver": "lbfgs",
        "tol": 1e-10,
        "max_iter": 2000,
        "max_fun": 10**9,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = [UnbiasedMLP(random_state=seed, **options).fit(X, y) for seed in range(seeds)]
    networks = [TwoLayerReLU(model.coefs_[0].T, model.coefs_[1][:, 0]) for model in found]
    objectives = [network.objective(X, y, BETA) for network in networks]
    return float(np.min(objectives)), f"best of {seeds} starts, {WIDTH} neurons"
