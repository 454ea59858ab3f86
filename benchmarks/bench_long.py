"""Long data and one output: how soon training is near the best objective known, beside forty lines of minibatch Adam.

Run ``python benchmarks/bench_long.py``, with the names of sizes to run only those, such as ``20000x100``, and
``--limit`` with the seconds that training has on each problem, 20 by default. A teacher of five neurons makes the
targets, with noise, and the strength is .3, .1, .03 and .01 of the one that leads to no neurons, nearly.

Adam is numpy in single precision, with 64 neurons, batches of 256 rows and a cosine schedule. It is tuned: it runs
once for every step and every number of steps of a small grid, and at every precision the run that was there first
counts. Its objective is taken after every tenth of a run, with the best intercept, and that does not count as time.
Times are seconds of processor time on one thread from the data in memory, for both. Those of a whole fit of
``ConvexReLURegressor`` have those of `beta_max_` and of the certificate besides.
"""

import argparse
import os
import warnings
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from convexnn._utils.clock import now
from convexnn.programs import make_problem
from convexnn.solvers.column_generation import solve_column_generation

SIZES = {
    "20000x100": (20_000, 100, np.float64),
    "100000x50": (100_000, 50, np.float64),
    "100000x1000": (100_000, 1000, np.float32),
    "1000000x20": (1_000_000, 20, np.float64),
}
SHARES = (0.3, 0.1, 0.03, 0.01)
WIDTH, BATCH = 64, 256
STEPS, LENGTHS = (1e-3, 3e-3, 1e-2), (1000, 4000, 16_000)  # longest steps of Adam, and numbers of steps
PRECISIONS = (1e-2, 1e-3)
ROWS = 8192  # of a block in which objectives are computed


def data(n, d, dtype):
    """Return rows and the targets of a noisy teacher."""
    rng = np.random.default_rng(5)
    X, neurons = rng.standard_normal((n, d), dtype=dtype), rng.standard_normal((5, d)) / 10
    hidden = np.concatenate([np.maximum(X[k : k + ROWS] @ neurons.T, 0.0) for k in range(0, n, ROWS)])
    return X, hidden @ np.array([1.0, -1.0, 1.0, -1.0, 1.0]) + 0.1 * rng.standard_normal(n)


def objective(X, y, beta, neurons, outputs):
    """Return the objective of balanced neurons, biases in the last column, with the best intercept."""
    neurons, outputs = neurons.astype(float), outputs.astype(float)
    rest = y.copy()
    for k in range(0, len(X), ROWS):
        rest[k : k + ROWS] -= np.maximum(X[k : k + ROWS] @ neurons[:, :-1].T + neurons[:, -1], 0.0) @ outputs
    rest -= rest.mean()
    return 0.5 * rest @ rest + beta * float(np.linalg.norm(neurons, axis=1) @ np.abs(outputs))


def adam(X, y, beta, step, n_steps):
    """Return (seconds, objective) after every tenth of a run of Adam."""
    rng, began, spared, course = np.random.default_rng(0), process_time(), 0.0, []
    n, d = X.shape
    rows, shift, unit = np.hstack([X, np.ones((n, 1))]).astype(np.float32), y.mean(), y.std()
    targets, decay = ((y - shift) / unit).astype(np.float32), np.float32(beta / n / unit)
    weights = [rng.standard_normal((WIDTH, d + 1)) / np.sqrt(d), rng.choice([-1.0, 1.0], WIDTH), np.zeros(1)]
    weights = [part.astype(np.float32) * scale for part, scale in zip(weights, (0.35, 0.35, 1.0), strict=True)]
    means, squares = ([np.zeros_like(part) for part in weights] for _ in range(2))
    per_pass = n // BATCH
    for k in range(n_steps):
        if k % per_pass == 0:
            order = rng.permutation(n)
        batch = order[k % per_pass * BATCH :][:BATCH]
        part, (neurons, outputs, shift) = rows[batch], weights
        hidden = np.maximum(part @ neurons.T, 0.0)
        slope = (hidden @ outputs + shift - targets[batch]) / np.float32(BATCH)
        first = (slope[:, None] * outputs * (hidden > 0.0)).T @ part
        slopes = first + decay * neurons, slope @ hidden + decay * outputs, slope.sum(keepdims=True)
        length = step * (0.01 + 0.99 * (0.5 + 0.5 * np.cos(np.pi * k / n_steps)))
        for weight, slope, mean, square in zip(weights, slopes, means, squares, strict=True):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            root = np.sqrt(square / (1.0 - 0.999 ** (k + 1))) + 1e-12
            weight -= (length / (1.0 - 0.9 ** (k + 1))) * mean / root
            weight[np.abs(weight) < 1e-20] = 0.0  # denormal numbers are slow
        if (k + 1) % (n_steps // 10) == 0:
            moment = process_time()
            root = np.sqrt(unit)
            value = objective(X, y, beta, root * weights[0], root * weights[1])
            course.append((moment - began - spared, value))
            spared += process_time() - moment
    return course


def ours(X, y, beta, limit):
    """Return (seconds, objective) of all rounds of training, and the solution with the seconds that it took."""
    began, course = process_time(), []

    def report(record):
        course.append((process_time() - began, record["objective"]))

    problem = make_problem(X, y, beta, hidden_bias=True, fit_intercept=True)
    solution = solve_column_generation(problem, deadline=now() + limit, proof="heuristic", report=report)
    return course, solution, process_time() - began


def first_time(courses, level):
    """Return the earliest time at which one of the courses is at most at a level, infinite where none is."""
    return min((seconds for course in courses for seconds, value in course if value <= level), default=np.inf)


def main(names, limit):
    small = np.random.default_rng(0).standard_normal((3000, 50))
    ours(small, np.abs(small[:, 0]) + small[:, 1], 100.0, 5.0)  # compiles
    for name in names or SIZES:
        X, y = data(*SIZES[name])
        largest = np.linalg.norm(X.T @ (y - y.mean()).astype(X.dtype)) / 2
        for share in SHARES:
            beta = share * float(largest)
            peers = [adam(X, y, beta, step, length) for step in STEPS for length in LENGTHS]
            course, solution, seconds = ours(X, y, beta, limit)
            ends = [min(value for _, value in one) for one in (course, sum(peers, []))]
            line = f"{name:12s} {share:4.2f}  ends {ends[0]:.7g} {ends[1]:.7g}"
            for precision in PRECISIONS:
                level = (1.0 + precision) * min(ends)
                mine, theirs = first_time([course], level), first_time(peers, level)
                line += f"  to {precision:.0e}: {mine:6.2f} s, Adam {theirs:6.2f} s, {mine / theirs:5.2f}"
            gap = solution.certificate.heuristic_gap
            print(f"{line}  gap {gap:.1e} {solution.network.width} neurons, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # limits are reached on purpose
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *SIZES], metavar="size")
    parser.add_argument("--limit", type=float, default=20.0)
    given = parser.parse_args()
    main(given.names, given.limit)
