"""Width sweeps: the known staircases beside the runs, the same bits always, honest records without a proof."""

import builtins

import joblib
import numpy as np
import pytest

from convexnn import InvalidInputError, width_sweep
from convexnn.landscape import gradient_descent
from convexnn.sweeps import widths as widths_module
from tests.zoo import identity, random_problem, three_rows, two_rows

FAST = {"n_runs": 8, "max_iter": 1000, "random_state": 0}


@pytest.mark.parametrize("known", [two_rows(), three_rows()], ids=str)
def test_the_staircase_stands_beside_the_runs(known):
    sweep = width_sweep(known.X, known.y, known.beta, range(1, 6), **FAST)
    assert [record.width for record in sweep.records] == [1, 2, 3, 4, 5]
    for record in sweep.records:
        assert record.optimal_value == pytest.approx(known.value) and record.proof == "exact"
        assert record.lower_bound <= known.value * (1 + 1e-12)
        assert (record.m_star, record.M_star) == (known.m_star, known.M_star)
        expected = known.components.get(min(record.width, max(known.components)), 0)
        assert record.n_components == expected
        assert (record.regime == "connected") == (expected == 1)
        assert record.best >= known.value * (1 - 1e-9)
        assert (record.best, record.worst) == (min(record.objectives), max(record.objectives))
        assert record.share_reached == np.mean(np.array(record.objectives) <= 1.001 * known.value)
    assert sweep.records[0].share_reached < sweep.records[-1].share_reached
    assert sweep.complete and len(sweep) == 5


def test_below_the_critical_width_nothing_reaches_the_optimum():
    known = identity([3, 4, -2], 0.5)
    records = width_sweep(known.X, known.y, known.beta, [1, 2], **FAST).records
    assert records[0].regime == "empty" and records[0].share_reached == 0 and records[0].n_components == 0


def test_records_do_not_depend_on_workers_or_other_widths():
    X, y = random_problem(10, 2)
    expected = width_sweep(X, y, 0.3, [2, 3, 6], **FAST)
    assert width_sweep(X, y, 0.3, [6, 3, 2, 3], n_jobs=2, **FAST) == expected
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert width_sweep(X, y, 0.3, [2, 3, 6], **FAST).records == expected.records
    assert width_sweep(X, y, 0.3, [3], **FAST).records == expected.records[1:2]
    assert width_sweep(X, y, 0.3, [3], **(FAST | {"random_state": 1})).records != expected.records[1:2]


def test_runs_are_those_of_gradient_descent():
    X, y = random_problem(10, 2)
    flags = {"hidden_bias": True, "fit_intercept": True, "sample_weight": np.linspace(0, 2, 10)}
    options = {"init_scale": 0.2, "learning_rate": 1e-3, "max_iter": 60}
    record = width_sweep(X, y, 0.3, [4], n_runs=3, descent_tol=1e-3, random_state=7, **flags, **options).records[0]
    seed = np.random.SeedSequence(7, spawn_key=(4,))
    found = gradient_descent(X, y, 4, 0.3, n_runs=3, tol=1e-3, random_state=seed, **flags, **options)
    assert record.objectives == tuple(found.objectives)


def test_without_a_proof_nothing_is_claimed():
    X, y = random_problem(15, 6)
    record = width_sweep(X, y, 0.5, [3], proof="heuristic", **FAST).records[0]
    assert record.proof == "heuristic" and record.lower_bound < record.optimal_value
    assert (record.m_star, record.M_star, record.n_components, record.regime) == (None,) * 4
    assert "not known" in repr(width_sweep(X, y, 0.5, [3], proof="heuristic", **FAST))


def test_too_many_vertices_leave_the_critical_width():
    known = three_rows()
    record = width_sweep(known.X, known.y, known.beta, [3], vertex_limit=1, **FAST).records[0]
    assert record.proof == "exact" and (record.m_star, record.M_star) == (2, 3)
    assert record.n_components is None and record.regime is None


def test_targets_of_zero():
    record = width_sweep(np.eye(2), np.zeros(2), 0.1, [2], **FAST).records[0]
    assert record.optimal_value == record.worst == 0 and record.share_reached == record.share_converged == 1
    assert (record.m_star, record.regime) == (0, "connected")


def test_frame_and_output(capsys):
    known = two_rows()
    sweep = width_sweep(known.X, known.y, known.beta, [1, 2], verbose=1, **FAST)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[0].startswith("1 of 2: width 1, best ")
    frame = sweep.to_frame()
    assert frame["regime"].tolist() == ["connected", "mixed"] and frame["n_components"].tolist() == [1, 3]
    assert "objectives" not in frame
    assert repr(sweep).startswith("WidthSweep(2 widths from 1 to 2, 8 runs each, p* = 0.0975 (exact), m* = 1, M* = 2)")


def test_a_frame_without_pandas_names_the_extra(monkeypatch):
    sweep = width_sweep(np.eye(2), np.ones(2), 0.1, [1], **FAST)
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name == "pandas":
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"convexnn\[frame\]"):
        sweep.to_frame()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("beta", 0),
        ("widths", []),
        ("widths", 3),
        ("widths", [2, 0]),
        ("n_runs", 0),
        ("tol", -1),
        ("descent_tol", 0),
        ("max_iter", None),
        ("proof", "sure"),
        ("vertex_limit", 0),
        ("time_limit", 0),
        ("random_state", np.random.default_rng(0)),
        ("n_jobs", 0),
        ("verbose", -1),
        ("checkpoint", 3.5),
        ("checkpoint", "/no/such/folder/file"),
    ],
)
def test_bad_options_are_named_before_any_work(option, value, monkeypatch):
    monkeypatch.setattr(widths_module, "solve_set", lambda *_, **__: pytest.fail("work was begun"))
    with pytest.raises(InvalidInputError, match=option):
        width_sweep(**({"X": np.eye(2), "y": np.ones(2), "beta": 0.1, "widths": [1]} | {option: value}))


def test_labels_of_the_runs():
    X, y = random_problem(8, 2)
    options = {"n_runs": 12, "init_scale": 0.5, "labels": True, "random_state": 0}
    sweep = width_sweep(X, y, 0.1, [2, 12], **options)
    assert width_sweep(X, y, 0.1, [2, 12], n_jobs=2, **options) == sweep
    narrow, wide = sweep.records
    for record in sweep.records:
        counts = [record.n_global, record.n_strict, record.n_escapable, record.n_saddle, record.n_not_stationary]
        assert sum(counts) == len(record.labels) == 12 and record.n_not_stationary == 0
    assert narrow.m_star > 2 and narrow.n_global == 0 and narrow.n_strict > 0
    assert wide.n_strict == 0 and wide.n_global > 0  # from n + 1 neurons on none is strict
    assert width_sweep(X, y, 0.1, [2], **(options | {"labels": False})).records[0].n_global is None
