"""Compile all kernels now: for images of containers, CI and laboratories, whose first fit then takes no longer.

Small problems of every kind are solved, so that every compiled kernel meets the types that real data have. What is
compiled is kept in NUMBA_CACHE_DIR, or beside the sources of the package where that is not set.
"""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from .. import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    GatedReLUClassifier,
    GatedReLURegressor,
    MinNormReLUInterpolator,
    enumerate_patterns,
    optimal_set,
    sample_patterns,
    width_sweep,
)
from .._utils.kernels import KERNELS
from .._utils.progress import reporting, seconds, silence
from ..deep import train_three_layer
from ..duality.large.shards import nearest_to_zero
from ..landscape import gradient_descent, spurious_table
from ..masses.factors import Factors
from .outcomes import Outcome, print_pairs
from .streams import quiet_log, verbosity

# Enough entries to be long data, whose neurons move by gradients of batches (see `_utils.row_blocks`).
LONG_SHAPE = (6_000, 20)
LONG_SECONDS = 5.0
# So many columns that their factors are updated and not made anew.
N_COLUMNS = 50
BETA = 0.05


class Task(NamedTuple):
    """A small problem, and what it is in words."""

    name: str
    solve: Callable[[], object]


def add_arguments(parser):
    """Add nothing: the command has no arguments of its own."""


def run(arguments):
    """Solve the problems; return the `Outcome` with how many kernels there are, where, and how long it took."""
    started, before = perf_counter(), _n_compiled()
    todo = tasks()
    with (
        quiet_log(True),
        reporting(verbosity(arguments)) as reporter,
        reporter.stage("compiling", len(todo), steady=False, patience=0.0) as stage,
    ):
        for number, task in enumerate(todo, start=1):
            with silence(), warnings.catch_warnings(action="ignore"):  # proofs are not what this is about
                task.solve()
            stage.record(task.name, number)
    document = {
        "n_kernels": sum(len(kernel.signatures) for kernel in KERNELS),
        "n_compiled": _n_compiled() - before,
        "seconds": perf_counter() - started,
        "folder": str(_folder()),
    }
    return Outcome(document, lambda console: _show(console, document))


def _n_compiled():
    """Return how many kernels this process has compiled and not found in the folder."""
    return sum(sum(kernel.stats.cache_misses.values()) for kernel in KERNELS)


def _folder():
    """Return where compiled kernels are kept."""
    return Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parents[1]).absolute()


def _show(console, document):
    pairs = {
        "kernels": f"{document['n_kernels']} are ready, {document['n_compiled']} of them compiled now",
        "time": seconds(document["seconds"]),
        "kept in": document["folder"],
    }
    print_pairs(console, pairs)


def tasks():
    """Return the `Task` list that meets every kernel."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    y = np.maximum(X[:, 0], 0.0) + 0.5 * np.abs(X[:, 1])
    two, three = X[:, 0] > 0.3, np.digitize(X[:, 0], [-0.5, 0.5])
    targets = np.column_stack([y, X[:, 2]])
    long_X = rng.standard_normal(LONG_SHAPE)
    long_y, long_three = np.maximum(long_X[:, 0], 0.0), np.digitize(long_X[:, 0], [-0.5, 0.5])
    brief = {"time_limit": LONG_SECONDS}

    def train_long():
        ConvexReLURegressor(beta=BETA * len(long_X), **brief).fit(long_X, long_y)
        ConvexReLUClassifier(beta=BETA * len(long_X), **brief).fit(long_X, long_three)

    def train_others():
        for loss in ("absolute", "huber"):
            ConvexReLURegressor(loss=loss, beta=BETA).fit(X, y)

    def train_gated():
        GatedReLURegressor(beta=BETA).fit(X, y)
        GatedReLUClassifier(beta=BETA).fit(X, two)

    def find_patterns():
        enumerate_patterns(np.repeat(X, 2, axis=0))
        sample_patterns(X, 50, random_state=0)
        ConvexReLURegressor(beta=BETA, patterns="exact").fit(X[:20], y[:20])

    def update_factors():
        factors, used = Factors(np.eye(N_COLUMNS)), np.ones(N_COLUMNS, bool)
        for last in (True, False, True):
            used[-1] = last
            factors.of(used)
        nearest_to_zero(X)

    return [
        Task("regression", lambda: ConvexReLURegressor(beta=BETA).fit(X, y)),
        Task("two classes", lambda: ConvexReLUClassifier(beta=BETA).fit(X, two)),
        Task("three classes", lambda: ConvexReLUClassifier(beta=BETA).fit(X, three)),
        Task("two outputs", lambda: ConvexReLURegressor(beta=BETA).fit(X, targets)),
        Task("other losses", train_others),
        Task("long data", train_long),
        Task("gated networks", train_gated),
        Task("interpolation", lambda: MinNormReLUInterpolator().fit(X[:12], y[:12])),
        Task("activation patterns", find_patterns),
        Task("set of optimal networks", lambda: optimal_set(X, y, BETA)),
        Task("sweep over widths", lambda: width_sweep(X, y, BETA, [1, 2], n_runs=2, random_state=0)),
        Task("gradient descent", lambda: gradient_descent(X, y, 2, BETA, n_runs=2, random_state=0)),
        Task("teacher and student", lambda: spurious_table([2], n_runs=8, random_state=0)),
        Task("updates of factors", update_factors),
        Task("three layers", lambda: train_three_layer(X[:12], y[:12], BETA, n_hidden=1, **brief)),
    ]
