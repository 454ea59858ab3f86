"""The strength from the data: one path in every fold of the rows, side by side, until the scores have clearly turned.

A fold is posed on some of the rows and judged on others: the share of the loss of the best constant that its network
takes away there. The share of beta_max is what a strength means to a fold, whose rows weigh less than all.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.clock import now
from .._utils.validation import is_late
from ..programs.units import is_trivial
from ..solvers.path import Path
from ._beta_path import BetaPath, StrengthRecord

# 13 strengths, each 10^(-1/3) times the one before: down to a ten thousandth of the one at which networks are zero.
STRENGTH_RATIO, N_STRENGTHS = 10.0 ** (-1 / 3), 13
# The rows are cut into 5 parts, of which as many are judged as make about 2000 rows.
N_FOLD_PARTS, ROWS_TO_JUDGE = 5, 2000
# No strength is chosen with fewer than 10 rows.
MIN_ROWS = 10
# Of larger data a sample of 2000 to 20 000 rows is taken, with at most 500 000 entries in between.
MIN_SAMPLED_ROWS, MAX_ROWS, MAX_SAMPLED_ENTRIES = 2_000, 20_000, 500_000
# A price of at most 1e-5 of its largest possible value is rounding in single precision.
SINGLE_PRICE_ROUNDING = 1e-5
# A walk may end two strengths after its best one.
STRENGTHS_PAST_BEST = 2
# A score is clearly worse from 1 standard error of the difference on, and hardly better below 0.5.
CLEARLY_WORSE_ERRORS, HARDLY_BETTER_ERRORS = 1.0, 0.5
# The largest strength within 0.25 standard errors of the best score is chosen.
CHOICE_ERRORS = 0.25


@dataclass(frozen=True)
class Fold:
    """One or several problems of the training rows, which share a strength, and those of the rows to be judged.

    Attributes
    ----------
    train, test : tuples of Problem
        One per output where these are trained apart.
    """

    train: tuple
    test: tuple


def fold_rows(problems, seed, n_folds=None):
    """Return pairs (training rows, test rows) of problems on the same rows, classes spread evenly over them.

    The rows of long data are a sample. By default there are as many folds as make some `ROWS_TO_JUDGE` rows to judge.
    """
    rng, n_rows = np.random.default_rng(seed), len(problems[0].y)
    rows = rng.permutation(n_rows)[: max_rows(problems[0].design.shape[1])]
    if problems[0].loss.labels:
        classes = classes_of(np.column_stack([problem.y for problem in problems]))
        # Sorted by class, and dealt out in turn: every fold gets its share of every class.
        rows = rows[np.argsort(classes[rows], kind="stable")]
    parts = N_FOLD_PARTS if n_folds is None else n_folds
    chosen = int(np.clip(round(ROWS_TO_JUDGE / n_rows), 1, N_FOLD_PARTS)) if n_folds is None else n_folds
    part = np.arange(len(rows)) % parts
    return [(np.sort(rows[part != k]), np.sort(rows[part == k])) for k in range(chosen)]


def max_rows(n_columns):
    """Return how many rows a strength is chosen with, at most."""
    return int(np.clip(MAX_SAMPLED_ENTRIES // max(1, n_columns), MIN_SAMPLED_ROWS, MAX_ROWS))


def is_short(problem):
    """Whether there is too little to choose a strength with: few rows, a class with a single one, nothing to fit."""
    if len(problem.y) < MIN_ROWS or is_trivial(problem):
        return True
    columns = problem.y.reshape(len(problem.y), -1).T if problem.loss.labels else ()
    return any(np.unique(column, return_counts=True)[1].min() < 2 for column in columns)


def classes_of(labels):
    """Return a number per row that tells its labels apart from others."""
    return np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)


class Walk:
    """The paths of one set of free terms in all folds, at one strength after the other.

    Parameters
    ----------
    folds : list of Fold
    whole : list of Problem
        The problems of all rows, one per output where these are trained apart.
    """

    def __init__(self, folds, whole, seed, max_width, stop, run):
        # A strength of all rows is that times the fold's share of the weight, since losses are sums.
        total = sum(problem.weight.sum() for problem in whole)
        self.folds, self.run = folds, run
        self.shares = [sum(problem.weight.sum() for problem in fold.train) / total for fold in folds]
        self.paths = [
            [Path(problem, np.random.default_rng(seed), max_width, stop) for problem in fold.train] for fold in folds
        ]
        self.weight = np.concatenate([fold.test[0].weight for fold in folds])
        self.constant = self._losses([[_constant(problem) for problem in fold.train] for fold in folds])
        self.records, self.losses, self.points, self.stands_still = [], [], [], False

    @property
    def price(self):
        """The strength from which on, about, the networks of all rows are zero."""
        prices = [
            max(path.price for path in paths) / share for paths, share in zip(self.paths, self.shares, strict=True)
        ]
        return float(np.mean(prices))

    @property
    def has_neurons(self):
        """Whether some strength would have neurons: what is left of the prices is more than rounding."""
        return any(path.price > SINGLE_PRICE_ROUNDING * path.size for paths in self.paths for path in paths)

    @property
    def work(self):
        """So far, in units of about a nanosecond of one core."""
        return sum(path.work for paths in self.paths for path in paths)

    def follow(self, beta):
        """Move all folds to a strength of all rows, and judge them there; return the mean number of neurons.

        Where no fold has any neuron yet it is the last record that stands.
        """
        # A fold whose rows weigh a share of all sees that share of the strength: both scale alike.
        tasks = [(path, beta * share) for paths, share in zip(self.paths, self.shares, strict=True) for path in paths]
        points = iter(self.run(Path.follow, tasks))
        rows = [[next(points) for _ in paths] for paths in self.paths]
        width = float(np.mean([sum(len(point.neurons) for point in row) for row in rows]))
        self.stands_still = width == 0.0 and len(self.losses) > 0
        if not self.stands_still:
            self.losses.append(self._losses([[point.fit for point in row] for row in rows]))
            self.points.append(rows[0])
        return width

    def points_at(self, record):
        """Return the `Point` of every problem of the first fold at a record."""
        return self.points[self.records.index(record)]

    def _losses(self, fits):
        """Return the loss of every judged row, all outputs together."""
        return np.concatenate([
            sum(_terms(test, fit(test)) for test, fit in zip(fold.test, row, strict=True))
            for fold, row in zip(self.folds, fits, strict=True)
        ])  # fmt: skip

    def score(self, losses):
        """Return the share of the loss of constants that is gone, and its standard error."""
        scale = np.dot(self.weight, self.constant)
        # The share of the loss of the best constant that the network takes away: R2 for the squared loss.
        gains = self.constant - losses
        return np.dot(self.weight, gains) / scale, _standard_error(gains, self.weight) / scale

    def worse(self, losses, than):
        """Return by how many standard errors of the difference some losses are larger than others, row by row."""
        # Paired by rows: the difference varies far less than either loss.
        change = losses - than
        error = _standard_error(change, self.weight)
        return np.dot(self.weight, change) / error if error > 0 else 0.0


def _terms(problem, fit):
    """Return the loss of every row."""
    terms = problem.loss.terms(problem.y, fit)
    return terms if terms.ndim == 1 else terms.sum(axis=1)


def _constant(problem):
    """Return a function that gives the best constant of a problem at the rows of another one."""
    ones = np.ones((len(problem.y), 1))
    if problem.loss.is_smooth:
        coefficients = problem.loss.fit_free(problem.y, np.zeros_like(problem.y), ones, problem.weight)
    else:
        coefficients = np.quantile(problem.y, problem.loss.level, axis=0)[None]
    return lambda test: np.ones((len(test.y), 1)) @ coefficients


def _standard_error(values, weight):
    """Return the standard error of ``weight @ values``."""
    # A sum of weighted independent terms has the variance sum w_i^2 (v_i - mean)^2.
    mean = np.dot(weight, values) / weight.sum()
    return float(np.sqrt(np.sum((weight * (values - mean)) ** 2)))


def choose(walks, largest, share, *, started, deadline, stage):
    """Follow the walks and return the `BetaPath`, None when there was no time at all.

    Parameters
    ----------
    walks : dict of bool to Walk
        By whether there is a skip connection.
    largest : float
        The strength that the path starts at.
    share : float
        Part of the weight of all rows that the rows of the walks have; records hold the strengths of all rows.
    """
    ended, open_walks = "smallest", dict(walks)
    try:
        for k in range(N_STRENGTHS):
            beta = largest * STRENGTH_RATIO**k
            for skip, walk in list(open_walks.items()):
                # Move the folds to the strength, and judge the networks on the rows that were left out.
                width = walk.follow(beta)
                if is_late(deadline):
                    break
                if walk.stands_still:
                    continue
                score, error = walk.score(walk.losses[-1])
                walk.records.append(StrengthRecord(beta / share, skip, score, error, width, now() - started))
                # A walk whose scores have turned ends; the others go on.
                if _has_turned(walk, walks):
                    del open_walks[skip]
            if is_late(deadline) or not open_walks:
                ended = "time_limit" if open_walks else "turned"
                break
            stage.record(f"beta {beta:.4g}, score {_best(walks).score:.4f}", k + 1)
    except KeyboardInterrupt:
        if not any(walk.records for walk in walks.values()):
            raise
        ended = "interrupted"
    if not any(walk.records for walk in walks.values()):
        return None
    records = tuple(record for skip in sorted(walks) for record in walks[skip].records)
    n_folds = len(next(iter(walks.values())).folds)
    return BetaPath(records, ended in ("turned", "smallest"), _chosen(walks), n_folds, ended)


def _best(walks):
    """Return the record of the largest score."""
    return max((record for walk in walks.values() for record in walk.records), key=lambda record: record.score)


def _chosen(walks):
    """Return the record of the largest strength that is nearly as good as the best one, of the same free terms."""
    # Among strengths that are hardly worse than the best one, the largest: fewer neurons, less work.
    best = _best(walks)
    walk, losses = walks[best.skip_connection], _losses_at(walks, best)
    judged = zip(walk.records, walk.losses, strict=False)
    return max((one for one, own in judged if walk.worse(own, losses) <= CHOICE_ERRORS), key=lambda record: record.beta)


def _losses_at(walks, record):
    """Return the losses of the rows at a record."""
    walk = walks[record.skip_connection]
    return walk.losses[walk.records.index(record)]


def _has_turned(walk, walks):
    """Whether the last strengths are clearly worse than the best one of any walk, or were hardly better than others."""
    if len(walk.records) <= STRENGTHS_PAST_BEST or walk.records[-1 - STRENGTHS_PAST_BEST].width == 0.0:
        return False
    scores = [record.score for record in walk.records]
    own, before = int(np.argmax(scores)), int(np.argmax(scores[:-STRENGTHS_PAST_BEST]))
    # The last strengths were hardly better than the best before them: weaker ones will not be.
    if walk.worse(walk.losses[before], walk.losses[own]) < HARDLY_BETTER_ERRORS:
        return True
    best = _losses_at(walks, _best(walks))
    return own < len(scores) - STRENGTHS_PAST_BEST and walk.worse(walk.losses[-1], best) > CLEARLY_WORSE_ERRORS
