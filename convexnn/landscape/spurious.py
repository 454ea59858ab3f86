"""How often gradient descent ends at a spurious minimum of the teacher-student loss, beside the published tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.clock import now
from .._utils.display import figure
from .._utils.progress import reporting
from .._utils.threads import one_blas_thread
from .._utils.validation import check_count, check_n_jobs, check_positive, check_verbose
from ..exceptions import InvalidInputError
from ..resumable.checkpoint import CHECKPOINT_FORMAT, Checkpoint, check_seed
from ..resumable.records import Record, Records
from ..resumable.runner import Runner
from ._teacher_ends import descend_to_ends, draw_starts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..plotting import SpuriousTableDisplay


# The published step, and the number of steps after which a run counts as not finished.
PUBLISHED_STEP = 0.1
MAX_RUN_STEPS = 200_000

# Safran and Shamir: (k, n) -> share of spurious ends, mean smallest eigenvalue and mean loss there; None: not at hand.
PUBLISHED = {
    (6, 6): (0.003, 0.0047, 0.025),
    (7, 7): (0.055, 0.014, 0.023),
    (8, 8): (0.126, 0.021, 0.021),
    (9, 9): (0.218, 0.027, 0.020),
    (10, 10): (0.346, 0.030, 0.022),
    (11, 11): (0.455, 0.034, 0.022),
    (12, 12): (0.585, 0.035, 0.021),
    (13, 13): (0.73, None, None),
    (14, 14): (0.736, 0.038, 0.023),
    (15, 15): (0.803, 0.038, 0.024),
    (16, 16): (0.851, 0.038, 0.027),
    (17, 17): (None, None, None),
    (18, 18): (0.90, 0.039, 0.029),
    (19, 19): (None, None, None),
    (20, 20): (0.94, 0.038, 0.033),
    (8, 9): (0.001, None, None),
    (13, 14): (0.015, None, None),
    (15, 16): (0.101, None, None),
    (17, 18): (0.209, None, None),
    (19, 20): (0.491, None, None),
}


@dataclass(frozen=True, repr=False)
class SpuriousRecord(Record):
    """One row of a table.

    Attributes
    ----------
    k, n_students : int
        Teachers, as many as features, and students.
    n_runs : int
    share : float
        Share of the runs that ended at a spurious minimum.
    standard_error : float
        ``sqrt(share (1 - share) / n_runs)``: of no use when no run, or every run, ended there.
    eigenvalue, loss : float or None
        Means over these runs of the smallest eigenvalue of the Hessian and of the loss; None when there were none.
    n_unfinished : int
        Runs that ended nowhere within `max_iter` steps; they count among the runs, but not as spurious.
    published_share, published_eigenvalue, published_loss : float or None
        Figures of Safran and Shamir, from 1000 runs; None where we have none.
    seconds : float
        Time that the runs took; no part of comparisons.
    """

    k: int
    n_students: int
    n_runs: int
    share: float
    standard_error: float
    eigenvalue: float | None
    loss: float | None
    n_unfinished: int
    published_share: float | None
    published_eigenvalue: float | None
    published_loss: float | None
    seconds: float = field(compare=False)

    def line(self) -> str:
        """Return the figures for a line of output."""
        return f"k = {self.k}, {self.n_students} students, {self.share:.1%} +- {self.standard_error:.1%} spurious"

    def shown(self) -> dict[str, str]:
        """Return what a table shows, a dict of texts."""
        published = None if self.published_share is None else 100 * self.published_share
        return {
            "k": str(self.k),
            "students": str(self.n_students),
            "runs": str(self.n_runs),
            "% spurious": f"{100 * self.share:.1f} +- {100 * self.standard_error:.1f}",
            "published": figure(published, 3),
            "unfinished": str(self.n_unfinished),
        }


@dataclass(frozen=True, repr=False)
class SpuriousTable(Records):
    """The records of `spurious_table`, one per size; printed as a table.

    Attributes
    ----------
    records : tuple of SpuriousRecord
        By the number of students beyond k, then by k.
    complete : bool
        False when an interrupt left some out.
    """

    records: tuple[SpuriousRecord, ...]

    def __repr__(self):
        return (
            f"SpuriousTable({len(self)} sizes, {self.records[0].n_runs} runs each"
            f"{'' if self.complete else ', not complete'})"
        )

    def __str__(self):
        head = " k   n  % spurious  published  eigenvalue  published    loss  published  unfinished  seconds"
        return "\n".join([head, *(_row(record) for record in self.records)])

    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> "SpuriousTableDisplay":
        """Draw the shares and return their `convexnn.plotting.SpuriousTableDisplay`, whose arguments these are."""
        from ..plotting import SpuriousTableDisplay

        return SpuriousTableDisplay.from_table(self).plot(ax, **kwargs)


def _row(record):
    """A row of the printed table; a dash where there is no figure."""

    def cell(value, width, digits):
        return f"{'-' if value is None else format(value, f'.{digits}f'):>{width}}"

    published = None if record.published_share is None else 100 * record.published_share
    return (
        f"{record.k:2} {record.n_students:3}{100 * record.share:6.1f} +- {100 * record.standard_error:3.1f}"
        f"{cell(published, 10, 1)}{cell(record.eigenvalue, 12, 4)}{cell(record.published_eigenvalue, 11, 4)}"
        f"{cell(record.loss, 10, 4)}{cell(record.published_loss, 9, 3)}{record.n_unfinished:12}{record.seconds:9.1f}"
    )


def spurious_table(
    sizes: Sequence[int | tuple[int, int]] | None = None,
    *,
    n_runs: int = 1000,
    step: float = PUBLISHED_STEP,
    max_iter: int = MAX_RUN_STEPS,
    random_state: int | None = None,
    n_jobs: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    verbose: int = 0,
) -> SpuriousTable:
    """Count how often gradient descent ends at a spurious minimum of `convexnn.landscape.population_loss`.

    The teacher is ``V = I``: k orthonormal neurons in k dimensions. The students start from independent entries
    ``N(0, 1/k)`` and descend with a fixed step. Where the gradient is small Newton's method goes to the nearby minimum:
    there the Hessian is positive definite, and the loss tells whether the minimum is global or spurious.

    Parameters
    ----------
    sizes : sequence of int or (int, int), optional
        k, for as many students, or (k, n_students) with n_students >= k. None regenerates the published tables:
        k = 6 to 20, and (8, 9), (13, 14), (15, 16), (17, 18), (19, 20).
    n_runs : int
    step : float
        Step of gradient descent; the published one by default. Large k need a smaller one: the largest eigenvalue is
        about k/4.
    max_iter : int
        Steps after which a run counts as not finished.
    random_state : int or None
        Source of the starts; those of a run depend on its size and its number only. None draws a new one, which the
        checkpoint keeps.
    n_jobs : int, optional
        Workers, one size to each, as joblib reads it; the records do not depend on it.
    checkpoint : str or path-like, optional
        A file to which every record is written when it is finished. When it exists the table goes on where it ended.
    verbose : int
        1 prints a line for every record, 2 more; on a terminal 1 draws a bar, and 2 both.

    Returns
    -------
    SpuriousTable

    Raises
    ------
    ValueError
        For bad input, and when the checkpoint belongs to another table.
    KeyboardInterrupt
        When interrupted before the first record.

    Warns
    -----
    ConvergenceWarning
        When interrupted: the finished records are returned.

    Notes
    -----
    A run is global from a loss of 1e-4 on. Newton's method starts where the norm of the gradient is below 1e-3; when
    the Hessian is not positive definite on its way, or the way is longer than 0.1, descent goes on for 500 steps or
    more.

    References
    ----------
    Safran and Shamir, Spurious Local Minima are Common in Two-Layer ReLU Neural Networks, arXiv 1712.08968, section 5.

    Examples
    --------
    >>> from convexnn.landscape import spurious_table
    >>> record = spurious_table([(2, 2)], n_runs=20, random_state=0).records[0]
    >>> record.share, record.n_unfinished
    (0.0, 0)
    """
    parameters = {
        "sizes": _check_sizes(PUBLISHED if sizes is None else sizes),
        "n_runs": check_count(n_runs, "n_runs"),
        "step": check_positive(step, "step"),
        "max_iter": check_count(max_iter, "max_iter"),
        "random_state": check_seed(random_state),
    }
    check_n_jobs(n_jobs)
    verbose = check_verbose(verbose)
    # Everything that changes a record is in the header: a checkpoint of other parameters is refused.
    header = {"format": CHECKPOINT_FORMAT, "sweep": "spurious_table", **parameters}
    with Checkpoint(checkpoint, header, free=("random_state",) if random_state is None else ()) as kept:
        options = {name: kept.header[name] for name in ("n_runs", "step", "max_iter", "random_state")}
        tasks = {f"{k}, {n}": (k, n, options) for k, n in parameters["sizes"]}
        with reporting(verbose) as reporter, reporter.stage("sizes", len(tasks), patience=0.0) as stage:
            runner = Runner(kept, SpuriousRecord, n_jobs, stage)
            complete = runner.complete(lambda runner: runner.compute(_record, tasks))
    return SpuriousTable(tuple(runner.records[key] for key in tasks if key in runner.records), complete)


def _check_sizes(sizes):
    """Return the distinct sizes as pairs [k, n_students], by the number of students beyond k, then by k."""
    try:
        pairs = [(size, size) if np.ndim(size) == 0 else tuple(size) for size in sizes]
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"sizes must be a sequence of k or (k, n_students); got {sizes!r}.") from error
    if not pairs:
        raise InvalidInputError("sizes must have at least one entry; got none.")
    return [
        list(pair) for pair in sorted({_check_size(pair) for pair in pairs}, key=lambda pair: (pair[1] - pair[0], pair))
    ]


def _check_size(pair):
    """Return (k, n_students), checked."""
    if len(pair) != 2:
        raise InvalidInputError(f"every entry of sizes must be k or (k, n_students); got {pair!r}.")
    k = check_count(pair[0], "every k in sizes", minimum=2)
    return k, check_count(pair[1], f"n_students for k = {k} in sizes", minimum=k)


def _record(k, n_students, options):
    """Make the runs of one size and return their record."""
    started, n_runs = now(), options["n_runs"]
    with one_blas_thread():
        starts = draw_starts(k, n_students, n_runs, options["random_state"])
        ends, n_unfinished = descend_to_ends(starts, options["step"], options["max_iter"])
    # Unfinished runs count among all runs, as in the published tables, but not as spurious.
    share = len(ends) / n_runs
    loss, eigenvalue = ends.mean(axis=0).tolist() if len(ends) else (None, None)
    published = PUBLISHED.get((k, n_students), (None, None, None))
    return SpuriousRecord(
        k=k,
        n_students=n_students,
        n_runs=n_runs,
        share=share,
        standard_error=float(np.sqrt(share * (1.0 - share) / n_runs)),
        eigenvalue=eigenvalue,
        loss=loss,
        n_unfinished=n_unfinished,
        published_share=published[0],
        published_eigenvalue=published[1],
        published_loss=published[2],
        seconds=now() - started,
    )
