"""Long data on a device: seconds of a pass and of a fit where X is on the CPU, with NumPy and torch, and on a GPU.

Run ``python benchmarks/bench_device.py``, with a number of rows for other data than 1 000 000 x 100, in single
precision. A pass is the loss of a network of 64 neurons on all rows and its slopes in all weights. A fit is that of
blocks of rows, with the same settings everywhere, and includes the certificate in double precision on the CPU. Without
torch, or without a GPU, the rows of the table that need them are missing.
"""

import os
import sys
import warnings
from time import perf_counter

os.environ["SCIPY_ARRAY_API"] = "1"

import numpy as np
from sklearn import config_context

from convexnn import ConvexReLURegressor
from convexnn.blocks import ArrayBlocks
from convexnn.blocks.sums import sum_over
from convexnn.blocks.weights import Terms, Weights, value_and_slopes
from convexnn.losses import make_loss

N_ROWS, N_FEATURES = 1_000_000, 100
N_NEURONS, N_PASSES = 64, 5  # of the network whose passes are timed; the fastest pass counts
LIMIT = 60.0  # seconds of a fit
STRENGTH = 0.05  # share of the length of the correlations of the columns with y, halved


def table(n):
    """Return rows, the values of five neurons at them with noise, and a strength."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((n, N_FEATURES), dtype=np.float32)
    neurons = rng.standard_normal((5, N_FEATURES)) / 10.0
    y = np.maximum(X @ neurons.T, 0.0) @ [1.0, -1.0, 1.0, -1.0, 1.0] + 0.1 * rng.standard_normal(n)
    return X, y, float(STRENGTH * np.linalg.norm(X.T @ (y - y.mean())) / 2.0)


def places(X):
    """Yield the name of every place there is for X, and X there."""
    yield "NumPy", X
    try:
        import torch
    except ImportError:
        return
    yield f"torch, CPU, {torch.get_num_threads()} threads", torch.asarray(X)
    if torch.cuda.is_available():
        yield f"torch, {torch.cuda.get_device_name()}", torch.asarray(X, device="cuda")


def seconds_of_a_pass(source):
    """Return the seconds of the fastest of some passes over all rows."""
    rng = np.random.default_rng(0)
    terms = Terms(True, True, False, make_loss("squared"))
    neurons = rng.standard_normal((N_NEURONS, N_FEATURES + 1))
    weights = Weights(neurons, np.ones((N_NEURONS, 1)), np.zeros((1, 1)), terms)
    seconds = []
    for _ in range(1 + N_PASSES):  # the first one compiles
        started = perf_counter()
        sum_over(source.each(value_and_slopes, weights))
        seconds.append(perf_counter() - started)
    return min(seconds[1:])


def main(n=N_ROWS):
    """Print the table."""
    X, y, beta = table(n)
    print(f"{n} x {N_FEATURES} in single precision, {LIMIT:g} seconds a fit")
    print(f"{'X':40} {'a pass':>8} {'fit':>8} {'objective':>12} {'estimated gap':>14}  status")
    for name, rows in places(X):
        source = ArrayBlocks(rows, y, np.ones(n))
        passing = seconds_of_a_pass(source)
        started = perf_counter()
        with config_context(array_api_dispatch=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ConvexReLURegressor(beta, time_limit=LIMIT)._fit_source(source)
        certificate, seconds = model.certificate_, perf_counter() - started
        found = f"{certificate.primal:12.6g} {certificate.heuristic_gap:14.1e}"
        print(f"{name:40} {passing:8.3f} {seconds:8.1f} {found}  {model.status_}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
