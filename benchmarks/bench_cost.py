"""What a proof and a training cost: against the number of rows, in 3, 4 and 5 dimensions and in some more.

Run ``python benchmarks/bench_cost.py [--save]``; what is saved are results of ``docs/benchmarks.rst``. The proof: the
exact price of a Gaussian dual point on Gaussian rows, both signs, by branch and bound; beside it what it would take to
visit every set of signs of the positive rows, from the number of these sets and the speed at which `enumerate_patterns`
lists cells in this run. The training: from nothing to a proven relative gap, ``y = relu(X W) @ (1, -1, 1)`` plus 10 %
noise, beta a tenth of its maximum. Seconds are processor time on one thread, medians of three runs.
"""

import argparse
from functools import partial
from statistics import median
from time import process_time

import numpy as np
from pages import save
from threadpoolctl import threadpool_limits

from convexnn import ConvexReLURegressor, count_patterns, enumerate_patterns, price

PROOFS = [(n, d) for d in (3, 4, 5) for n in (100, 300, 1000, 3000)] + [(100, 6), (200, 7), (100, 8)]
TRAININGS = [(n, d) for d in (3, 4, 5) for n in (50, 100, 200, 400)]
SHORT = 5.0  # seconds above which one run is enough


def timed(function, repeats=3):
    """Return the median processor seconds of some runs (one where it is long) and the last answer."""
    seconds = []
    while not seconds or (len(seconds) < repeats and seconds[0] < SHORT):
        start = process_time()
        answer = function()
        seconds.append(process_time() - start)
    return median(seconds), answer


def cells_a_second():
    """Return the speed of the enumeration on this machine."""
    X = np.random.default_rng(0).standard_normal((65, 5))
    enumerate_patterns(X[:10])
    seconds, patterns = timed(lambda: enumerate_patterns(X, n_jobs=1))
    return len(patterns) / seconds


def proofs():
    """Print the cost of exact prices, and return the rows."""
    rows = []
    rng, speed = np.random.default_rng(0), cells_a_second()
    price(rng.standard_normal((20, 3)), rng.standard_normal(20), proof="exact")
    print(f"{'n':>6}{'d':>4}{'seconds':>10}{'cones':>10}{'sets of signs':>16}{'listing them':>14}{'ratio':>10}")
    for n, d in PROOFS:
        X, nu = rng.standard_normal((n, d)), rng.standard_normal(n)
        seconds, answer = timed(partial(price, X, nu, proof="exact", n_jobs=1, time_limit=300))
        sets = count_patterns(X[nu > 0]) + count_patterns(X[nu < 0])
        listing = sets / speed
        done = "" if answer.proof == "exact" else f"   not finished: bound {answer.upper_bound / answer.value:.4f}"
        print(f"{n:>6}{d:>4}{seconds:>10.3f}{answer.n_nodes:>10}{sets:>16}", end="")
        print(f"{listing:>13.3g}s{listing / seconds:>10.3g}{done}", flush=True)
        if not done:
            figures = {"seconds": seconds, "cones": int(answer.n_nodes), "sets": int(sets), "listing": listing}
            rows.append({"d": d, "n": n, **figures})
    return rows


def fit(X, y, tol):
    """Train at a tenth of the largest strength, without a bias and an intercept."""
    return ConvexReLURegressor("scale", tol=tol, hidden_bias=False, fit_intercept=False, n_jobs=1).fit(X, y)


def trainings():
    """Print the cost of networks."""
    ConvexReLURegressor(beta=0.5).fit(np.random.default_rng(0).standard_normal((20, 3)), np.arange(20.0))
    print(f"\n{'n':>6}{'d':>4}{'to 1e-3':>10}{'to 1e-6':>10}{'width':>7}  proven gap")
    for n, d in TRAININGS:
        rng = np.random.default_rng(7)
        X, W = rng.standard_normal((n, d)), rng.standard_normal((d, 3))
        y = np.maximum(X @ W, 0) @ np.array([1.0, -1.0, 1.0])
        y += 0.1 * y.std() * rng.standard_normal(n)
        fits = [timed(partial(fit, X, y, tol)) for tol in (1e-3, 1e-6)]
        model = fits[1][1]
        print(
            f"{n:>6}{d:>4}{fits[0][0]:>10.3f}{fits[1][0]:>10.3f}{model.network_.width:>7}  "
            f"{model.certificate_.relative_gap:.1e} ({model.certificate_.proof})",
            flush=True,
        )


def main():
    """Print both tables, on one thread; write that of the proofs where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="write the tables of the documentation")
    to_be_saved = parser.parse_args().save
    with threadpool_limits(limits=1):
        rows = proofs()
        if to_be_saved:
            save("proofs", rows, ("d", "n"))
        trainings()


if __name__ == "__main__":
    main()
