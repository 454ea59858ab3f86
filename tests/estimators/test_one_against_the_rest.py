"""One problem per class: time that is shared, interrupts, and rows that all classes have in common."""

from dataclasses import replace

import numpy as np
import pytest

from convexnn import ConvexReLUClassifier
from convexnn._utils.clock import Moment
from convexnn.estimators import _base, _one_against_the_rest, classifier
from convexnn.estimators._rows import canonical_rows, rows_of_targets
from convexnn.exceptions import ConvergenceWarning
from convexnn.solvers.base import Status

QUICK = {"beta": 2.0, "multi_class": "ovr", "proof": "heuristic"}


@pytest.fixture
def classes():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 2))
    return X, np.arange(30) % 3


@pytest.fixture
def shares(monkeypatch):
    """Seconds that every problem is given by a clock on which every training takes one second."""
    clock, seconds, train = [100.0], [], _base.solve

    def solve(problem, deadline, **options):
        seconds.append(float(deadline) - clock[0])
        clock[0] += 1.0
        return train(problem, deadline=None, **options)

    for module in (_base, classifier, _one_against_the_rest):
        monkeypatch.setattr(module, "now", lambda: Moment(clock[0], 0.0))
    monkeypatch.setattr(_base, "solve", solve)
    return seconds


def test_every_class_has_an_equal_share_of_the_time_left(classes, shares):
    ConvexReLUClassifier(time_limit=12.0, **QUICK).fit(*classes)
    assert shares == [12.0 / 3, (12.0 - 1.0) / 2, 12.0 - 2.0]


def test_one_problem_has_all_the_time(classes, shares):
    X, y = classes
    ConvexReLUClassifier(time_limit=12.0, **QUICK).fit(X, y > 0)
    ConvexReLUClassifier(time_limit=12.0, **(QUICK | {"multi_class": "joint"})).fit(X, y)
    assert shares == [12.0, 12.0]


def test_after_an_interrupt_no_further_class_is_trained(classes, monkeypatch):
    train, late = _base.solve, []

    def interrupted(problem, deadline, **options):
        late.append(deadline is not None)
        return replace(train(problem, deadline=deadline, **options), status=Status.interrupted)

    monkeypatch.setattr(_base, "solve", interrupted)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        model = ConvexReLUClassifier(**QUICK).fit(*classes)
    assert late == [False, True, True] and model.status_ == "interrupted"
    assert np.any(model.network_.output_weights[:, 0]) and not np.any(model.network_.output_weights[:, 1:])
    assert model.certificate_.dual <= model.certificate_.primal


def test_rows_of_all_targets_are_those_of_each():
    rng = np.random.default_rng(1)
    X, weight = rng.integers(0, 2, (20, 2)).astype(float), np.arange(20.0) % 4
    targets = [rng.integers(0, 2, 20).astype(float) for _ in range(3)]
    for rows, y in zip(rows_of_targets(X, targets, weight), targets, strict=True):
        alone = canonical_rows(X, y, weight)
        assert rows.weight.sum() == alone.weight.sum() and len(rows.y) >= len(alone.y)
        np.testing.assert_array_equal(rows.X[rows.row[weight > 0]], X[weight > 0])
        np.testing.assert_array_equal(rows.y[rows.row[weight > 0]], y[weight > 0])
        np.testing.assert_array_equal(rows.idle_y, y[weight == 0])
        again = canonical_rows(rows.X, rows.y, rows.weight)
        np.testing.assert_array_equal(np.column_stack([again.X, again.y]), np.column_stack([alone.X, alone.y]))
        np.testing.assert_allclose(again.weight, alone.weight)
