"""What is said during long work: nothing by default, lines or a bar when asked for, and the same answers always."""

import importlib.util
import io
import logging
import os
import pickle
import pty
import re
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score

import convexnn
from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLUClassifier,
    GatedReLURegressor,
    MinNormReLUInterpolator,
)
from convexnn._utils import progress as progress
from convexnn._utils.progress import Reporter, current, reporting, seconds, silence

ROOT = Path(__file__).parents[2]
ESTIMATORS = [
    ConvexReLURegressor(),
    ConvexReLURegressor(loss="absolute"),
    ConvexReLURegressor(patterns="sampled", n_patterns=20, random_state=0),
    ConvexReLUClassifier(),
    ConvexReLUClassifier(multi_class="ovr"),
    ConvexReLUClassifier(multi_class="joint", loss="squared"),
    GatedReLURegressor(n_gates=10),
    GatedReLUClassifier(n_gates=10),
    MinNormReLUInterpolator(),
]


def problem_for(estimator, n_samples=12):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n_samples, 2))
    y = X[:, 0] + np.abs(X[:, 1])
    return X, (np.digitize(y, [0.0, 1.0]) if "Classifier" in type(estimator).__name__ else y)


def fitted(estimator, **options):
    """Return a fitted clone, whatever it warns of: fits on samples of the patterns end restricted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).set_params(**options).fit(*problem_for(estimator))


def weights(model):
    if hasattr(model, "blocks_"):
        return [model.blocks_, model.dual_, np.array(model.intercept_)]
    network = model.network_
    return [network.neurons, network.output_weights, model.dual_]


def assert_same(a, b):
    assert a.status_ == b.status_ and a.n_iter_ == b.n_iter_
    for first, second in zip(weights(a), weights(b), strict=True):
        assert np.array_equal(first, second)


# Lines


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_fits_are_the_same_and_silent_by_default(estimator, capsys):
    plain = fitted(estimator)
    assert capsys.readouterr() == ("", "")
    for verbose in (1, 2):
        told = fitted(estimator, verbose=verbose)
        out, err = capsys.readouterr()
        assert_same(plain, told)
        assert err == "" and len(out.splitlines()) >= 1 and "nan" not in out
        assert re.search(rf"^\[ +[\d.]+ s\] {plain.status_}: (objective|cost) ", out, re.M)


def test_lines_say_objective_gap_width_and_the_time_left(capsys):
    model = fitted(ConvexReLURegressor("scale"), verbose=1, time_limit=100.0)
    *rounds, last = capsys.readouterr().out.splitlines()
    assert len(rounds) == len(model.history_)
    for line, record in zip(rounds, model.history_, strict=True):
        assert f"objective {record['objective']:.8g}" in line and f"width {record['width']}" in line
        assert "visible gap" in line and "at most" in line and line.endswith("s left")
    assert f"({model.certificate_.proof})" in last and f"{model.certificate_.price.n_nodes:,} cones bounded" in last


def test_without_a_limit_no_time_left_is_made_up(capsys):
    fitted(ConvexReLURegressor("scale"), verbose=1)
    assert "left" not in capsys.readouterr().out


def test_two_says_more_than_one(capsys):
    fitted(ConvexReLURegressor("scale"), verbose=1)
    once = capsys.readouterr().out
    model = fitted(ConvexReLURegressor("scale"), verbose=2)
    more = capsys.readouterr().out
    assert "proof: " not in once and "proof: " in more and str(model.certificate_) in more


@pytest.fixture
def impatient(monkeypatch):
    """Every stage shows itself at every step."""
    monkeypatch.setattr(progress, "LINE_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(Reporter, "stage", _impatient(Reporter.stage))


def _impatient(stage):
    return lambda self, name, total=None, **options: stage(self, name, total, **{"patience": 1e-9} | options)


def test_a_proof_says_how_far_it_is(impatient, capsys):
    X = np.random.default_rng(0).normal(size=(40, 6))
    nu = np.random.default_rng(1).normal(size=40)
    plain = convexnn.price(X, nu, proof="bound")
    assert capsys.readouterr() == ("", "")
    told = convexnn.price(X, nu, proof="bound", verbose=1, time_limit=100.0)
    lines = capsys.readouterr().out.splitlines()
    assert (plain.value, plain.upper_bound, plain.n_nodes) == (told.value, told.upper_bound, told.n_nodes)
    assert all(re.search(r"proof: [\d,]+ cones bounded, .*open.*, at most [\d min]+ s left", line) for line in lines)
    assert "of the work that it may take" in lines[0] and f"{told.n_nodes:,} cones bounded" in lines[-1]


def test_lines_of_a_stage_come_every_second(capsys):
    with reporting(1) as reporter, reporter.stage("s", patience=0.1) as stage:
        reporter.interval = 0.3
        stage.__enter__()  # with that interval
        started = time.monotonic()
        while time.monotonic() < started + 1.0:
            stage.tick(1, lambda: "figures")
    assert 2 <= len(capsys.readouterr().out.splitlines()) <= 4  # at 0.1, 0.4, 0.7 and 1.0 seconds


def test_enumerating_patterns_says_how_far_it_is(impatient, capsys):
    X = np.random.default_rng(0).normal(size=(14, 4))
    X[7:10] = X[0] + X[1], X[0] - X[1], X[2] + X[3]  # vertices on more hyperplanes
    plain = convexnn.enumerate_patterns(X)
    assert capsys.readouterr().out == ""
    for n_jobs in (1, 2):
        told = convexnn.enumerate_patterns(X, verbose=1, n_jobs=n_jobs)
        assert np.array_equal(plain.masks, told.masks)
        out = capsys.readouterr().out
        done = [line for line in out.splitlines() if "vertices: " in line]
        assert "364 of 364 in rank 4" in done[-2] + done[-1] + "".join(done) and "more hyperplanes" in out


def test_the_vertices_of_an_optimal_set_say_how_far_they_are(impatient, capsys):
    X = np.array([[np.cos(a), np.sin(a)] for a in np.deg2rad([0, 120, 240])])
    plain = convexnn.optimal_set(X, np.ones(3), 0.1)
    vertices = plain.vertices
    assert capsys.readouterr().out == ""
    found = convexnn.optimal_set(X, np.ones(3), 0.1, verbose=1)
    training = capsys.readouterr().out
    assert "visible gap" in training and "vertices" not in training
    assert np.array_equal(found.vertices, vertices)
    assert re.search(r"vertices of the optimal set: \d+ after 6 of 6 inequalities", capsys.readouterr().out)
    model = ConvexReLURegressor(0.1, hidden_bias=False, fit_intercept=False, verbose=1).fit(X, np.ones(3))
    capsys.readouterr()
    assert len(model.optimal_set().vertices) == len(vertices)
    assert "vertices of the optimal set" in capsys.readouterr().out


def test_certificates_and_other_functions_take_verbose(impatient, capsys):
    X, y = problem_for(ConvexReLURegressor())
    network = ConvexReLURegressor(fit_intercept=False, hidden_bias=False).fit(X, y).network_
    plain = convexnn.certify(network, X, y, 0.5)
    assert capsys.readouterr().out == ""
    assert convexnn.certify(network, X, y, 0.5, verbose=1).dual == plain.dual
    assert "cones bounded" in capsys.readouterr().out
    plain = convexnn.train_activation(X, y, 1.0)
    told = convexnn.train_activation(X, y, 1.0, verbose=1)
    assert np.array_equal(plain.network.hidden_weights, told.network.hidden_weights)
    out = capsys.readouterr().out
    assert out.count("objective") == len(told.history) and "nan" not in out
    interpolating = MinNormReLUInterpolator().fit(X, y).network_
    plain = convexnn.certify_interpolation(interpolating, X, y)
    assert convexnn.certify_interpolation(interpolating, X, y, verbose=1).dual == plain.dual
    assert "visible gap" in capsys.readouterr().out


@pytest.mark.parametrize("verbose", [-1, None, 1.5, "loud"])
def test_a_bad_verbose_is_refused_by_name(verbose):
    X, y = problem_for(ConvexReLURegressor())
    for call in (
        lambda: convexnn.price(X, y, verbose=verbose),
        lambda: convexnn.optimal_set(X, y, 1.0, verbose=verbose),
        lambda: convexnn.enumerate_patterns(X, verbose=verbose),
        lambda: convexnn.width_sweep(X, y, 1.0, [1], verbose=verbose),
        lambda: ConvexReLURegressor(verbose=verbose).fit(X, y),
    ):
        with pytest.raises(convexnn.InvalidInputError, match="verbose must be"):
            call()


def test_sweeps_estimate_the_time_left(capsys):
    with reporting(1) as reporter, reporter.stage("widths", 4, patience=0.0) as stage:
        stage.skipped = 1  # from a checkpoint: it took no time
        time.sleep(0.05)
        stage.record("a", 2)
        stage.record("b", 4)
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"2 of 4: a, about 0\.[12]\d? s left", first), first
    assert second == "4 of 4: b"


def test_time_left_is_estimated_only_for_steady_work():
    with reporting(1) as reporter:
        for steady in (True, False):
            with reporter.stage("s", 10, steady=steady) as stage:
                stage.done = 5
                assert (stage.estimate() is not None) is steady


def test_workers_are_silent(capfd):
    X, y = problem_for(ConvexReLURegressor())
    options = {"n_runs": 3, "random_state": 0}
    plain = convexnn.width_sweep(X, y, 1.0, [1, 2, 3], **options)
    for n_jobs in (1, 2):
        told = convexnn.width_sweep(X, y, 1.0, [1, 2, 3], n_jobs=n_jobs, verbose=1, **options)
        assert plain == told
        lines = capfd.readouterr().out.splitlines()
        assert len(lines) == 3 and all(re.match(r"\d of 3: width \d, ", line) for line in lines)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_validation_says_a_line_for_every_fold(n_jobs, capfd):
    X, y = problem_for(ConvexReLURegressor(), 30)
    options = {"n_betas": 3, "cv": 3, "n_jobs": n_jobs}
    plain = ConvexReLURegressorCV(**options).fit(X, y)
    assert capfd.readouterr().out == ""
    told = ConvexReLURegressorCV(verbose=1, **options).fit(X, y)
    assert_same(plain, told)
    assert np.array_equal(plain.scores_, told.scores_)
    lines = capfd.readouterr().out.splitlines()
    assert [line[:6] for line in lines[:3]] == ["1 of 3", "2 of 3", "3 of 3"]
    assert len(lines) == 3 + len(told.history_) + 1


def test_reporters_are_put_back():
    assert current() is progress.SILENT
    with reporting(1) as reporter:
        assert current() is reporter
        with reporting(0) as same:
            assert same is reporter
        with silence():
            assert current() is progress.SILENT
        assert current() is reporter
    assert current() is progress.SILENT
    with pytest.raises(ZeroDivisionError), reporting(2):
        raise ZeroDivisionError
    assert current() is progress.SILENT


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2e-5, "0.00 s"),
        (0.123, "0.12 s"),
        (5.04, "5.0 s"),
        (9.96, "10 s"),
        (48.2, "48 s"),
        (59.7, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_spans_of_time_are_for_people(value, text):
    assert seconds(value) == text


# A terminal


class Terminal:
    """Standard error on a terminal; what is drawn there is in `drawn` once it is left."""

    def __init__(self, monkeypatch, term="xterm"):
        self.monkeypatch, self.drawn = monkeypatch, ""
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv("COLUMNS", "160")

    def __enter__(self):
        self.parent, child = pty.openpty()
        self.stream = os.fdopen(child, "w")
        self.monkeypatch.setattr(sys, "stderr", self.stream)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def read(self):
        try:
            while piece := os.read(self.parent, 65536):
                self.drawn += piece.decode(errors="replace")
        except OSError:  # what Linux says when the other end is closed
            return

    def __exit__(self, *_):
        self.monkeypatch.setattr(sys, "stderr", sys.__stderr__)
        self.stream.close()
        self.reader.join(10.0)
        os.close(self.parent)


def sweep(verbose):
    return convexnn.width_sweep(np.eye(2), [1.0, 2.0], 0.1, [1, 2], n_runs=2, random_state=0, verbose=verbose)


def test_on_a_terminal_a_sweep_has_a_bar(monkeypatch, capsys):
    plain = sweep(0)
    with Terminal(monkeypatch) as terminal:
        told = sweep(1)
    assert plain == told and capsys.readouterr().out == ""
    assert "widths" in terminal.drawn and "width 2, best" in terminal.drawn and "━" in terminal.drawn


def test_terminal_draws_the_bar_below_the_lines(monkeypatch, capsys):
    with Terminal(monkeypatch) as terminal:
        sweep(2)
    assert "1 of 2: width 1" in capsys.readouterr().out
    assert "━" in terminal.drawn and "1 of 2" not in terminal.drawn


def test_terminal_shows_a_bar_for_long_stages_only(monkeypatch, capsys):
    with Terminal(monkeypatch) as terminal, reporting(1) as reporter, reporter.stage("whole", 9, patience=0.0) as whole:
        whole.record("part", 1)
        for name, patience in (("short search", 10.0), ("long [search]", 0.01)):
            reporter.interval = 0.0
            with reporter.stage(name, 3, patience=patience) as stage:
                time.sleep(0.05)
                stage.tick(2, lambda: "two [b]things")
                time.sleep(0.25)  # bars are drawn ten times a second
    assert "long [search]" in terminal.drawn and "two [b]things" in terminal.drawn
    assert "short search" not in terminal.drawn and "whole" in terminal.drawn
    assert capsys.readouterr().out == ""


def test_on_a_terminal_nothing_is_drawn_unless_asked_for(monkeypatch, capsys):
    with Terminal(monkeypatch) as terminal:
        sweep(0)
    assert terminal.drawn == "" and capsys.readouterr().out == ""


def test_on_a_dumb_terminal_there_are_lines(monkeypatch, capsys):
    with Terminal(monkeypatch, "dumb") as terminal:
        sweep(1)
    assert "2 of 2: width 2" in capsys.readouterr().out and terminal.drawn == ""


def test_where_the_caller_draws_there_are_lines(monkeypatch, capsys):
    from rich.errors import LiveError
    from rich.progress import Progress

    def refuse(self):
        raise LiveError("Only one live display may be active at once")  # as rich does before 14.1

    monkeypatch.setattr(Progress, "start", refuse)
    with Terminal(monkeypatch) as terminal:
        sweep(1)
    assert "2 of 2: width 2" in capsys.readouterr().out and terminal.drawn == ""


def test_a_missing_standard_error_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert not progress.has_terminal()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not progress.has_terminal()


def test_rich_is_imported_only_where_something_is_drawn():
    code = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("progress", sys.argv[1])  # by itself: scikit-learn 1.9 imports rich
progress = importlib.util.module_from_spec(spec)
spec.loader.exec_module(progress)
with progress.reporting(2) as reporter, reporter.stage("s", 2, patience=0.0) as stage:
    stage.record("one", 1)
assert "rich" not in sys.modules
"""
    path = str(ROOT / "convexnn" / "_utils" / "progress.py")
    finished = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "") and finished.stdout.startswith("1 of 2: one, about")


# A notebook


class Notebook:
    """A module in the place of IPython in the kernel of a notebook; `shown` has what each display shows in the end."""

    kernel = object()

    def __init__(self, monkeypatch):
        self.shown, self.n_drawn = [], 0
        ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
        ipython.get_ipython, ipython.display, display.display = lambda: self, display, self.display
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def display(self, bundle, *, raw, display_id):
        assert raw and display_id
        self.shown.append(None)
        place = Place(self, len(self.shown) - 1)
        place.update(bundle, raw=True)
        return place


class Place:
    """A display that can be drawn anew."""

    def __init__(self, notebook, number):
        self.notebook, self.number = notebook, number

    def update(self, bundle, *, raw):
        assert raw and set(bundle) == {"text/html", "text/plain"}
        self.notebook.shown[self.number] = bundle
        self.notebook.n_drawn += 1


def test_in_a_notebook_a_sweep_has_a_bar(monkeypatch, capsys):
    plain, notebook = sweep(0), Notebook(monkeypatch)
    assert notebook.shown == [] and sweep(1) == plain and capsys.readouterr().out == ""
    (bundle,) = notebook.shown
    assert "<td" in bundle["text/html"] and '<progress value="2" max="2">' in bundle["text/html"]
    assert bundle["text/plain"].startswith("widths: 2 of 2, ") and "width 2, best" in bundle["text/plain"]


def test_notebook_takes_bars_of_stages_away(monkeypatch, capsys):
    notebook = Notebook(monkeypatch)
    with reporting(1) as reporter, reporter.stage("whole", 9, patience=0.0) as whole:
        whole.record("part <one>", 1)
        reporter.interval = 0.0
        with reporter.stage("search", None, patience=0.0) as stage:
            stage.patience = 1.0  # now it goes away at its end
            stage.tick(2, lambda: "two <b>things</b>")
            assert "two &lt;b&gt;things" in notebook.shown[0]["text/html"]
            assert "<progress></progress>" in notebook.shown[0]["text/html"]
        assert "search" not in notebook.shown[0]["text/html"]
    assert "part &lt;one&gt;" in notebook.shown[0]["text/html"] and len(notebook.shown) == 1
    with reporting(1) as reporter, reporter.stage("next", 1, patience=0.0) as stage:
        stage.record("part", 1)
    assert "next" in notebook.shown[1]["text/html"] and "next" not in notebook.shown[0]["text/html"]
    assert capsys.readouterr().out == ""


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch, capsys):
    notebook = Notebook(monkeypatch)
    notebook.kernel = None
    assert not progress.has_notebook() and sweep(1) and notebook.shown == []
    assert "2 of 2: width 2" in capsys.readouterr().out


# The log


def test_fits_end_with_a_line_in_the_log(caplog, capsys):
    X, y = problem_for(ConvexReLURegressor(), 20)
    with caplog.at_level(logging.INFO, logger="convexnn"):
        model = ConvexReLURegressor(0.5).fit(X, y)
    (record,) = caplog.records
    assert record.name == "convexnn" and f"{model.certificate_.primal:.8g}" in record.getMessage()
    assert record.getMessage().startswith(f"ConvexReLURegressor {model.status_}") and capsys.readouterr().out == ""


def test_log_shows_warnings_and_no_information_without_a_set_up():
    code = "import convexnn; from convexnn._utils.logs import logger; logger.info('unheard'); logger.warning('heard')"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "heard\n")


# Interrupts


@pytest.mark.parametrize("verbose", [0, 1])
def test_an_interrupt_keeps_the_best_network(verbose, monkeypatch):
    X, y = problem_for(ConvexReLURegressor(), 40)
    original = Reporter.round

    def interrupted(self, record, *arguments, **options):
        original(self, record, *arguments, **options)
        if record["width"] > 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(Reporter, "round", interrupted)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        model = ConvexReLURegressor(1e-2, verbose=verbose).fit(X, y)
    assert model.status_ == "interrupted" and model.network_.width > 0
    assert model.certificate_.primal == pytest.approx(model.network_.objective(X, y, 1e-2))
    assert current() is progress.SILENT


# scikit-learn's callbacks

callbacks = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")


class Counter:
    """Counts what happens; stops after some rounds if told to."""

    def __init__(self, stop_after=None):
        self.begun, self.ended, self.models, self.stop_after = [], [], [], stop_after

    def setup(self, estimator, context):
        self.begun.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.ended.append(context.task_name)
        if fitted_estimator is not None:
            self.models.append(fitted_estimator.score(X, y))
        return self.stop_after is not None and self.ended.count("round") >= self.stop_after

    def teardown(self, estimator, context):
        self.ended.append("setup")


@pytest.mark.mostly_slow
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_callbacks_see_every_round_and_change_nothing(estimator):
    plain, counter = fitted(estimator), Counter()
    told = fitted(clone(estimator).set_callbacks(counter))
    assert_same(plain, told)
    assert sorted(counter.begun) == sorted(counter.ended)
    n_problems = 3 if counter.begun.count("fit") == 1 and len(set(counter.begun)) > 3 else 1
    assert counter.begun.count("fit") == 1
    assert counter.begun.count("round") >= n_problems
    assert counter.models and counter.models[-1] == told.score(*problem_for(estimator))
    assert not [name for name in vars(told) if "callback_fit" in name or "teardown" in name]


@pytest.mark.parametrize(
    "estimator",
    [
        ConvexReLURegressor(1e-2),
        GatedReLURegressor(1e-2, n_gates=20, skip_connection=True),
        GatedReLURegressor(1e-2, n_gates=20, loss="huber", fit_intercept=False),
    ],
    ids=repr,
)
def test_a_scoring_monitor_sees_the_model_of_every_round(estimator):
    monitor = callbacks.ScoringMonitor(scoring="r2")
    X, y = problem_for(estimator, 40)
    model = clone(estimator).set_callbacks(monitor).fit(X, y)
    scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"] == "round" and "r2" in row]
    assert len(scores) == len(model.history_) and scores[0] <= scores[-1] + 1e-3
    assert scores[-1] == pytest.approx(model.score(X, y), abs=1e-3)


@pytest.mark.parametrize(
    "estimator",
    [
        ConvexReLURegressor(1e-3),
        ConvexReLURegressor(1e-3, loss="absolute"),
        ConvexReLURegressor(1e-3, patterns="sampled", n_patterns=20, random_state=0),
        ConvexReLUClassifier(1e-3),
        GatedReLURegressor(1e-3, n_gates=10),
        GatedReLUClassifier(1e-3, n_gates=10, loss="logistic"),
        MinNormReLUInterpolator(tol=1e-12),
    ],
    ids=repr,
)
def test_a_callback_may_stop_the_training(estimator):
    X, y = problem_for(estimator, 40)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        model = clone(estimator).set_callbacks(Counter(stop_after=1)).fit(X, y)
    assert model.status_ == "interrupted"
    assert len(model.history_) <= 3  # of three classes one round each
    assert np.all(np.isfinite(model.predict(X))) and model.certificate_.dual <= model.certificate_.primal


def test_a_progress_bar_of_scikit_learn_can_be_set(capfd):
    X, y = problem_for(ConvexReLURegressor())
    model = ConvexReLURegressor().set_callbacks(callbacks.ProgressBar()).fit(X, y)
    assert model.status_ == "proven" and "ConvexReLURegressor - fit" in capfd.readouterr().out


def test_cross_validation_passes_callbacks_on_to_the_last_fit():
    X, y = problem_for(ConvexReLURegressor(), 30)
    counter = Counter()
    options = {"n_betas": 3, "cv": 3}
    model = ConvexReLURegressorCV(**options).set_callbacks(counter).fit(X, y)
    assert_same(model, ConvexReLURegressorCV(**options).fit(X, y))
    assert counter.begun == ["setup", "fit", "folds", "last fit"]

    counter = Counter()
    counter.max_propagation_depth = None
    ConvexReLURegressorCV(**options).set_callbacks(counter).fit(X, y)
    assert counter.begun.count("round") > 1 and sorted(counter.begun) == sorted(counter.ended)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_searches_with_callbacks_and_workers(n_jobs, capfd):
    X, y = problem_for(ConvexReLURegressor(), 24)
    grid = {"beta": [0.1, 1.0]}
    plain = GridSearchCV(ConvexReLURegressor(), grid, cv=2).fit(X, y)
    monitor = callbacks.ScoringMonitor(scoring="r2")
    inner = ConvexReLURegressor().set_callbacks(monitor)
    told = GridSearchCV(inner, grid, cv=2, n_jobs=n_jobs).set_callbacks(callbacks.ProgressBar()).fit(X, y)
    assert np.array_equal(plain.cv_results_["mean_test_score"], told.cv_results_["mean_test_score"])
    assert_same(plain.best_estimator_, told.best_estimator_)
    assert "visible gap" not in capfd.readouterr().out
    assert len(monitor.get_logs().data) > 4


@pytest.mark.slow
def test_clones_pickles_and_scores_are_not_in_the_way(capfd):
    X, y = problem_for(ConvexReLURegressor(), 24)
    monitor = callbacks.ScoringMonitor(scoring="r2")
    model = ConvexReLURegressor().set_callbacks(monitor).fit(X, y)
    assert_same(model, pickle.loads(pickle.dumps(model)))
    assert_same(model, clone(model).fit(X, y))
    plain = cross_val_score(ConvexReLURegressor(), X, y, cv=2)
    assert np.array_equal(plain, cross_val_score(model, X, y, cv=2, n_jobs=2))
    assert capfd.readouterr().out == ""
    model.set_callbacks()
    assert_same(model, clone(model).fit(X, y))


def test_an_older_scikit_learn_has_no_callbacks_and_needs_none(monkeypatch, capsys):
    path = ROOT / "convexnn" / "estimators" / "_watch.py"
    spec = importlib.util.spec_from_file_location("convexnn.estimators._watch_of_old", path)
    watch = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)  # importing it fails
    spec.loader.exec_module(watch)

    class Model(watch.CallbackSupportMixin):
        verbose, time_limit, status_ = 1, None, "proven"

        @watch.with_callbacks
        def fit(self, X):
            """Fit nothing."""
            with watch.watched(self, X, None) as told, told.problem(attributes=watch.network_only) as report:
                report({"objective": 1.5, "visible_gap": 0.0, "width": 1}, lambda: None)
                self.certificate_ = SimpleNamespace(n_gates=3, primal=1.5, relative_gap=0.0)
            return self

    assert not hasattr(Model().fit(np.eye(2)), "set_callbacks")
    assert capsys.readouterr().out.count("objective 1.5") == 2
    assert Model.fit.__doc__ == "Fit nothing."
