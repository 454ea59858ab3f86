"""The same bits and no abort from threads, forked processes and joblib's workers, whatever numba's threading layer."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import Parallel, delayed

from convexnn import ConvexReLURegressor, price

from ..zoo import random_problem


def fitted(n_jobs=2, seed=0):
    """Return the primal value, the dual value and the weights of a fit, as bytes."""
    X, y = random_problem(40, 3, seed)
    model = ConvexReLURegressor(n_jobs=n_jobs).fit(X, y)
    certificate = model.certificate_
    return np.float64([certificate.primal, certificate.dual]).tobytes() + model.network_.hidden_weights.tobytes()


@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
def test_threads_inside(n_jobs):
    assert fitted(n_jobs) == fitted(1)


@pytest.mark.slow
@pytest.mark.parametrize("inner", [1, 2])
def test_threads_outside(inner):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(fitted, [inner] * 8, range(8)))
    assert answers == [fitted(1, seed) for seed in range(8)]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_outside(backend):
    answers = Parallel(n_jobs=2, backend=backend)(delayed(fitted)(2, seed) for seed in range(4))
    assert answers == [fitted(1, seed) for seed in range(4)]


FORKING = """
import multiprocessing, sys
from tests._utils.test_threads import fitted

before = fitted(2)  # threads have run in the parent
with multiprocessing.get_context("fork").Pool(2) as pool:
    answers = pool.map(fitted, [2, 1])
assert answers == [before, before]
"""

TWO_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from tests._utils.test_threads import fitted

with ThreadPoolExecutor(2) as pool:
    answers = list(pool.map(fitted, [2, 2]))
assert answers[0] == answers[1]
"""


def run(script, **environment):
    """Run a script in a process of its own; an abort or a deadlock fails."""
    answer = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True, timeout=240
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_forking_after_threads_have_run():
    run(FORKING)


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["workqueue", "omp", "default"])
def test_two_threads_on_any_threading_layer_of_numba(layer):
    run(TWO_THREADS, NUMBA_THREADING_LAYER=layer)


@pytest.mark.parametrize("proof", ["exact", "heuristic"])
def test_the_price_on_any_number_of_threads(proof):
    X, nu = random_problem(60, 5)
    answers = [price(X, nu, proof=proof, n_jobs=n_jobs) for n_jobs in (1, 2, 5)]
    for answer in answers[1:]:
        assert (answer.value, answer.upper_bound, answer.n_nodes) == (
            answers[0].value,
            answers[0].upper_bound,
            answers[0].n_nodes,
        )
        np.testing.assert_array_equal(answer.local_directions, answers[0].local_directions)
