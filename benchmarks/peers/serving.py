"""A worker's side of the conversation: solve what is asked, time it, write the answer. Needs numpy only.

A worker is started as ``python worker_<peer>.py problem.npz warmup.npz``; both files hold X, y, masks, gates, beta.
Every line of its standard input is a request in JSON, ``{"settings": {...}, "limit": seconds, "out": "path.npz"}``.
The first request of a worker solves the warm-up first, which pays for imports and compilation. The answer file holds
the arrays that ``solve(problem, settings)`` returned and the seconds it took, and appears only when it is complete.
"""

import json
import math
import os
import resource
import sys
import traceback
from pathlib import Path
from time import perf_counter, process_time
from types import SimpleNamespace

import numpy as np

MEMORY_LIMIT = 8 * 1024**3
"""Bytes of address space a worker may have: the bench shares its machine."""


def serve(solve):
    """Answer the requests on standard input with ``solve(problem, settings) -> dict of arrays``."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    problem, warmup = (load(path) for path in sys.argv[1:3])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if warmup is not None:
                solve(warmup, request["settings"])
                warmup = None
            limit_processor_time(request["limit"])
            answer = timed(solve, problem, request["settings"])
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        write(answer, Path(request["out"]))


def limit_processor_time(seconds):
    """Let the kernel end this process (SIGXCPU) when it has used so many more seconds."""
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(process_time() + seconds), resource.RLIM_INFINITY))


def load(path):
    """Return the arrays of a problem file as attributes; `beta` is a float."""
    with np.load(path) as arrays:
        problem = SimpleNamespace(**arrays)
    problem.beta = float(problem.beta)
    return problem


def timed(solve, problem, settings):
    """Return the answer with its seconds of processor time (``seconds``) and of wall time (``wall``)."""
    wall, processor = perf_counter(), process_time()
    answer = solve(problem, settings)
    return {**answer, "seconds": process_time() - processor, "wall": perf_counter() - wall}


def write(answer, path):
    """Write an answer so that it is seen whole or not at all."""
    partial = path.with_suffix(".part.npz")
    np.savez(partial, **answer)
    os.replace(partial, path)


def group_lasso(model_class):
    """Return the `solve` of a package whose ``GroupLasso`` has scikit-learn's interface and the loss over n."""

    def solve(problem, settings):
        n, d = problem.X.shape
        options = {"fit_intercept": False, "max_iter": 1000, "tol": settings["tol"]}
        model = model_class(groups=d, alpha=problem.beta / n, weights=np.ones(len(problem.masks)), **options)
        model.fit(gated_design(problem), problem.y)
        return {"weights": model.coef_.reshape(-1, d).T}

    return solve


def gated_design(problem):
    """Return ``[D_1 X .. D_P X]`` of shape (n, P d), in Fortran order: what solvers without operators need."""
    n, d = problem.X.shape
    design = np.empty((n, len(problem.masks) * d), order="F")
    for p, mask in enumerate(problem.masks):
        np.multiply(problem.X, mask[:, None], out=design[:, p * d : (p + 1) * d])
    return design
