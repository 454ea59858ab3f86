"""One fit and its skill on held-out rows, and all of them, one after the other or a few at a time."""

import json
import os
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import train_test_split

from .models import make_model, preparation
from .tables import TABLES

ROOT = Path(__file__).parents[2]
LEAST_CHANCE = 1e-6  # to which probabilities are raised: log losses stay finite
N_WARM = 60  # rows of the fit that compiles
STARTING = 300.0  # seconds beside the limit of a fit, at most: to import, download, read and compile
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Score:
    """What came out of one fit.

    Attributes
    ----------
    skill, seconds : float
        NaN for a fit that failed; the seconds are those of `fit` alone.
    n_rows, n_columns : int
        Of the training data, after the preparation.
    """

    skill: float
    seconds: float
    n_rows: int = 0
    n_columns: int = 0


def measure(table, name, seed, limit=0.0):
    """Return the `Score` of one model on one table, in this process, which ends where `fit` takes longer than `limit`.

    0 is no limit; on Windows there is none.
    """
    data = TABLES[table].load()
    stratify = None if data.is_regression else data.y
    parts = train_test_split(data.X, data.y, train_size=data.n_train, random_state=seed, stratify=stratify)
    train, test, y_train, y_test = parts
    ready = preparation().fit(train)
    train, test = ready.transform(train), ready.transform(test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm_up(name, data.is_regression, train, y_train)
        model, start = make_model(name, data.is_regression, seed), perf_counter()
        end_process_after(limit)
        model.fit(train, y_train)
        end_process_after(0.0)
        seconds = perf_counter() - start
        found = skill(model, test, y_test, data.is_regression)
    return Score(found, seconds, *train.shape)


def end_process_after(seconds):
    """Have the system end this process, whatever it is doing; 0 takes it back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def warm_up(name, is_regression, X, y):
    """Fit a few rows of a table, all classes among them, so that what has to be compiled is."""
    order = np.random.default_rng(0).permutation(len(y))
    if not is_regression:
        firsts = np.unique(y[order], return_index=True)[1]
        order = np.concatenate([order[firsts], np.delete(order, firsts)])
        order = np.concatenate([order[: len(firsts)], order])  # every class twice at least
    kept = order[:N_WARM]
    make_model(name, is_regression, 0).fit(X[kept, :5], y[kept])


def skill(model, X, y, is_regression):
    """Return R2, or 1 less the log loss over the entropy of the classes."""
    if is_regression:
        return float(r2_score(y, model.predict(X)))
    labels, counts = np.unique(y, return_counts=True)
    shares = counts / counts.sum()
    chances = np.clip(model.predict_proba(X), LEAST_CHANCE, 1.0)
    loss = log_loss(y, chances / chances.sum(axis=1, keepdims=True), labels=model.classes_)
    return float(1.0 + loss / (shares @ np.log(shares)))


def measure_apart(table, name, seed, limit):
    """Return the `Score` of a fit in a process of its own; NaN where it fails or takes longer than `limit` seconds."""
    command = [sys.executable, "-m", "benchmarks.quality", "--limit", str(limit), "--one", table, name, str(seed)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True, timeout=limit + STARTING
        )
    except subprocess.TimeoutExpired:
        return Score(np.nan, np.nan)
    if done.returncode:
        if done.returncode > 0:  # else a signal has ended it: the limit's
            print(f"{table}, {name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr, flush=True)
        return Score(np.nan, np.nan)
    score = Score(**json.loads(done.stdout.splitlines()[-1]))
    return score if score.seconds <= limit else Score(np.nan, np.nan, score.n_rows, score.n_columns)


def print_one(table, name, seed, limit=0.0):
    """Print the `Score` of one fit as JSON, for the process that asked for it."""
    print(json.dumps(asdict(measure(table, name, seed, limit))))


def measure_all(tables, names, n_seeds, limit, n_jobs, report):
    """Return {(table, model): list of `Score`}, one for every seed; ``report(table, results)`` after every table."""
    results = {}
    with ThreadPoolExecutor(n_jobs) as pool:
        for table in tables:
            tasks = [(name, seed) for name in names for seed in range(n_seeds)]
            scores = list(pool.map(lambda task, table=table: measure_apart(table, *task, limit), tasks))
            for name in names:
                own = [score for task, score in zip(tasks, scores, strict=True) if task[0] == name]
                results[table, name] = own
            report(table, results)
    return results
