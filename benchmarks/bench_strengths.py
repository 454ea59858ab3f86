"""Training down to weak strengths: seconds to 1e-2 and 1e-3 of the best objective known, against scipy's L-BFGS.

Run ``python benchmarks/bench_strengths.py``, with a name such as ``friedman1-1000`` for some of the rows. L-BFGS lowers
the same objective in all weights of a network of 300 random neurons, until it ends by itself or at its limit of steps.
Strengths are shares of the smallest with an empty network. The best objective known is the better of the two ends here;
training gets `LIMIT` seconds. One BLAS thread each; the times are those of one process after a small fit that compiles.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import warnings
from time import perf_counter

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits, make_friedman1
from sklearn.preprocessing import scale

from convexnn._utils.clock import now
from convexnn.duality.pricing import search_price
from convexnn.programs import make_problem
from convexnn.solvers.solve import solve

STRENGTHS = (0.1, 0.01, 0.003, 0.001)  # of beta_max
LEVELS = (1e-2, 1e-3)  # above the best objective known
LIMIT = 20.0  # seconds of training
WIDTH, STEPS = 300, 2000  # of the network that L-BFGS trains, and most of its steps


def friedman(n):
    """Return Friedman's first function with noise, X standardised."""
    X, y = make_friedman1(n, noise=1.0, random_state=1)
    return scale(X), y, "squared"


def digit():
    """Return 1257 digits, the threes against the rest."""
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).choice(len(y), 1257, replace=False)
    return scale(X[rows]), np.where(y[rows] == 3, 1.0, -1.0), "logistic"


CASES = {"friedman1-1000": lambda: friedman(1000), "friedman1-5000": lambda: friedman(5000), "digits-three": digit}


def pose(X, y, loss, strength):
    """Return the problem with this share of the smallest strength that has an empty network."""
    terms = {"hidden_bias": True, "fit_intercept": True, "loss": loss}
    problem = make_problem(X, y, 1.0, **terms)
    largest = search_price(problem.design, problem.dual_point(np.zeros(len(y))), proof="heuristic", n_starts=128).value
    return make_problem(X, y, strength * largest, **terms)


def train(problem):
    """Return the history of training, (seconds, objective) pairs."""
    solution = solve(problem, deadline=now() + LIMIT, proof="heuristic")
    return [(record["seconds"], record["objective"]) for record in solution.history]


def descend(problem):
    """Return the history of L-BFGS in all weights of a network of random neurons, (seconds, objective) pairs."""
    design, beta, d = problem.design, problem.beta, problem.design.shape[1]
    rng, history = np.random.default_rng(0), []

    def objective(vector):
        neurons, outputs = vector[: WIDTH * d].reshape(WIDTH, d), vector[WIDTH * d : -1]
        hidden = np.maximum(design @ neurons.T, 0.0)
        fit = hidden @ outputs + vector[-1]
        value = problem.loss.value(problem.y, fit, problem.weight) + 0.5 * beta * float(vector[:-1] @ vector[:-1])
        nu = problem.loss.dual_point(problem.y, fit, problem.weight)
        pull = ((nu[:, None] * outputs) * (hidden > 0)).T @ design
        history.append((perf_counter() - started, value))
        gradient = np.concatenate([(beta * neurons - pull).ravel(), beta * outputs - hidden.T @ nu, [-nu.sum()]])
        return value, gradient

    start = np.append(rng.standard_normal(WIDTH * d) / d**0.5, rng.standard_normal(WIDTH) / WIDTH**0.5)
    started = perf_counter()
    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "maxcor": 20}
    minimize(objective, np.append(start, 0.0), jac=True, method="L-BFGS-B", options=options)
    return history


def first(history, level):
    """Return the seconds after which an objective was reached, infinity where it never was."""
    return next((seconds for seconds, value in history if value <= level), np.inf)


def main(names):
    warnings.simplefilter("ignore")
    for loss in ("squared", "logistic"):
        X, y, _ = friedman(600)
        y = y if loss == "squared" else np.where(y > y.mean(), 1.0, -1.0)
        solve(pose(X, y, loss, 0.03), proof="heuristic")
    columns = "".join(f"{f'{who} {level:g}':>17}" for level in LEVELS for who in ("ours to", "L-BFGS to"))
    print(f"{'case':<16}{'strength':>9}{'best known':>12}{columns}{'L-BFGS ends':>13}{'at':>10}{'end / ours':>12}")
    for name in names or CASES:
        X, y, loss = CASES[name]()
        for strength in STRENGTHS:
            problem = pose(X, y, loss, strength)
            ours, theirs = train(problem), descend(problem)
            ends = [min(value for _, value in history) for history in (ours, theirs)]
            best = min(ends)
            times = [first(history, best * (1 + level)) for level in LEVELS for history in (ours, theirs)]
            row = "".join(f"{seconds:>17.2f}" for seconds in times)
            end = theirs[-1][0]
            print(
                f"{name:<16}{strength:>9g}{best:>12.6g}{row}{end:>13.2f}{ends[1] / best - 1:>10.1e}"
                f"{end / times[2]:>12.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
