"""The search behind a proof: a dual point, the bound that it needs, and the tree that shows it; all of it resumable."""

import os
from contextlib import contextmanager
from types import SimpleNamespace

from .._utils.clock import now
from .._utils.progress import current
from ..duality.certificate import certify_problem
from ..duality.values import evaluate
from . import checker
from .checkpoints import Search
from .exact import corrections_of
from .lines import make_lines
from .pools import pool_of, work_off
from .tasks import search_task

TOLERANCE = 1e-8  # the tree is searched until its bound is this close to the largest value, relatively
# Factors of the rounding that slopes allow for, one after another until the proof holds.
MARGINS = (1.0, 1e3, 1e6, 1e9, 1e12)
KEPT_MARGIN = MARGINS[1]  # of a search that is kept: to do it again for a larger factor would cost more than this loses
WHOLE = 1.0 - 1e-12  # the closed share of a whole tree, but for the rounding of its sum
LIMIT_SHARE_OF_CERTIFICATE = 0.4  # a first search, which cannot be written down, has this share of a limit of time


def begin_search(problem, network, file, *, tol, deadline, n_jobs):
    """Return the `Search` for a proof about a network, that of the file if it has one."""
    if file.search is not None:
        return file.search
    dual_point, target, direction = _dual_point(problem, network, file, tol, deadline, n_jobs)
    columns = dual_point.reshape(len(dual_point), -1)
    corrections = corrections_of(problem, columns)
    header = free_terms(problem) | {"corrections": corrections}
    function = checker.exact_function(header, problem.features, checker.fractions(columns))[1:]
    return Search(columns, corrections, direction, make_lines(*function), target)


def free_terms(problem):
    """Return which terms the networks of a problem have, as the header of a proof says it."""
    return {name: getattr(problem, name) for name in ("hidden_bias", "fit_intercept", "skip_connection")}


def _dual_point(problem, network, file, tol, deadline, n_jobs):
    """Return a dual point of the problem, the bound on its price that a tree may prove, and where ascents end."""
    if file.path is not None:
        limited = {"proof": "heuristic"}  # a search before the one that is kept would be lost
    elif deadline is None:
        limited = {"proof": "auto"}
    else:
        limited = {"proof": "exact", "deadline": now() + LIMIT_SHARE_OF_CERTIFICATE * max(deadline - now(), 0.0)}
    certificate = certify_problem(network, problem, tolerance=tol, n_jobs=n_jobs, **limited)
    nu = certificate.dual_point[problem.rows]
    target = problem.beta
    # It is scaled to the bound that is proven: where that is all there is time for, the tree is after it too.
    if certificate.proof != "exact" and (deadline is None or file.path is not None):
        value = abs(evaluate(*problem.priced(nu), certificate.price.direction))
        target = max(problem.needed_bound(nu), value) * (1.0 + tol)
    return nu, target, certificate.price.direction


def prove(file, *, tolerance, deadline=None, n_jobs=None):
    """Search for the tree of a `TreeFile` until no cone is open; after the deadline they are bounded as they are."""
    reporter = current()
    with pool_of(n_jobs) as pool, reporter.stage(reporter.proof_name, total=1.0) as stage:
        stage.skipped = file.closed

        def call(task):
            return search_task, (file.search.lines, file.margin, tolerance, task)

        def receive(piece):
            file.add(piece)
            stage.tick(file.closed, lambda: _figures(file.closed, file.n_cones))
            return [] if piece.rest is None else piece.rest.divided()

        work_off(file.open_tasks(), call, receive, pool, deadline)


@contextmanager
def saying_what_is_kept(checkpoint):
    """A context for a search in a file, whose attribute `file` is set when there is one.

    Raises
    ------
    KeyboardInterrupt
        After an interrupt; where there is a checkpoint, the message says how much of the search is in it.
    """
    search = SimpleNamespace(file=None)
    try:
        yield search
    except KeyboardInterrupt as error:
        if checkpoint is None or error.args:  # an inner context has said it
            raise
        raise KeyboardInterrupt(f"interrupted: {_kept_text(search.file, os.fspath(checkpoint))}") from error


def _kept_text(file, path):
    """Say what a checkpoint keeps, and what the same call does with it."""
    if file is None or file.search is None:
        return f"the search had not begun, and checkpoint={path!r} is as it was. Make the same call again."
    closed, n_cones = file.kept()
    if closed < WHOLE:
        figures = _figures(closed, n_cones)
        return f"{figures}. They are kept in checkpoint={path!r}: the same call goes on from there."
    return f"the search was done: {n_cones:,} cones, kept in checkpoint={path!r}. The same call goes on after it."


def _figures(closed, n_cones):
    """Say how far the tree is."""
    return f"{100.0 * closed:.3g} % closed by {n_cones:,} cones"
