"""Ctrl-C, sent by the kernel of the operating system: it ends the work, and nothing else becomes of it."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from convexnn import optimal_set
from convexnn._utils.threads import interruptible
from convexnn.gated import solution_set as gated_set
from convexnn.gated.solution_set import gated_optimal_set
from convexnn.programs.program import make_problem
from convexnn.solvers import small_strength
from convexnn.solvers.base import Status, uninterrupted
from convexnn.solvers.small_strength import solve_to_all_digits
from convexnn.sweeps import widths

from .reference import polygon

LONG = 60.0  # seconds after which a process that was interrupted has failed to end


LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background


@pytest.fixture(autouse=True)
def listening():
    """Listen to Ctrl-C, which processes in the background do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run_and_interrupt(code, started):
    """Run code in a process of its own, press Ctrl-C after the line `started`, return its exit code and its errors."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LISTENING + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if started in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LONG)
    return process.returncode, errors


TRAINING = """
    import numpy as np
    from convexnn import optimal_set
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 7)), rng.standard_normal(400)
    optimal_set(X[:9, :2], y[:9], 0.5)
    print("started", flush=True)
    optimal_set(X, y, 0.05)
"""
LISTING = """
    import numpy as np
    from convexnn import optimal_set
    angles = 2 * np.pi * np.arange(40) / 40
    found = optimal_set(np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(40), 0.1, vertex_limit=60_000)
    optimal_set(np.eye(2), [1.0, -1.0], 0.1).vertices
    print("started", flush=True)
    found.vertices
"""


@pytest.mark.slow
@pytest.mark.parametrize("code", [TRAINING, LISTING], ids=["training", "listing the vertices"])
def test_an_interrupt_is_a_keyboard_interrupt(code):
    code, errors = run_and_interrupt(code, "started")
    assert code in (-signal.SIGINT, 128 + signal.SIGINT)
    assert errors.strip().splitlines()[-1] == "KeyboardInterrupt" and "Error:" not in errors


def test_an_interrupt_does_not_wait_for_compiled_code():
    """The wait ends while the function still runs: it is let go on only after the interrupt has arrived."""
    running, arrived, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        running.set()
        arrived.wait(LONG)
        ended.set()

    def press():
        running.wait(LONG)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    assert not ended.is_set()
    arrived.set()
    assert ended.wait(LONG)


def test_answers_and_errors_come_back_from_the_other_thread():
    assert interruptible(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        interruptible(divmod, 7, 0)


def stopped(solver):
    """The solver, whose answers say that the user has interrupted it."""

    def run(*arguments, **options):
        solution = solver(*arguments, **options)
        return replace(solution, status=Status.interrupted)

    return run


@pytest.mark.parametrize("beta", [0.5, 1e-6])
def test_half_an_optimum_is_none(monkeypatch, beta):
    monkeypatch.setattr(small_strength, "solve_column_generation", stopped(small_strength.solve_column_generation))
    with pytest.raises(KeyboardInterrupt):
        optimal_set(polygon(3), np.ones(3), beta)
    with pytest.raises(KeyboardInterrupt):
        solve_to_all_digits(make_problem(polygon(3), np.ones(3), beta), tol=1e-9, rng=np.random.default_rng(0))


def test_a_gated_set_is_interrupted_too(monkeypatch):
    monkeypatch.setattr(gated_set, "solve_gated_loss", stopped(gated_set.solve_gated_loss))
    with pytest.raises(KeyboardInterrupt):
        gated_optimal_set(make_problem(np.eye(2), [1.0, 2.0], 0.1), np.ones((1, 2), dtype=bool))


def test_a_sweep_that_is_interrupted_goes_on_where_it_ended(tmp_path, monkeypatch):
    """The same records as those of one run, though Ctrl-C came in the middle of the second of three widths."""
    arguments = (polygon(3), np.ones(3), 0.1, [1, 2, 3])
    options = {"n_runs": 4, "random_state": 0}
    whole = widths.width_sweep(*arguments, **options)
    compute = widths._record

    def interrupt_second(problem, width, *rest):
        if width == 2:
            signal.raise_signal(signal.SIGINT)
        return compute(problem, width, *rest)

    monkeypatch.setattr(widths, "_record", interrupt_second)
    with pytest.warns(UserWarning, match="interrupted: 1 of 3"):
        part = widths.width_sweep(*arguments, **options, checkpoint=tmp_path / "kept.jsonl")
    assert not part.complete
    monkeypatch.setattr(widths, "_record", compute)
    rest = widths.width_sweep(*arguments, **options, checkpoint=tmp_path / "kept.jsonl")
    assert rest.complete and [record.objectives for record in rest.records] == [r.objectives for r in whole.records]


def test_interrupted_optimum_leaves_a_checkpoint(tmp_path, monkeypatch):
    arguments = (polygon(3), np.ones(3), 0.1, [2])
    options = {"n_runs": 2, "random_state": 0, "checkpoint": tmp_path / "kept.jsonl"}
    with monkeypatch.context() as patch:
        patch.setattr(small_strength, "solve_column_generation", stopped(small_strength.solve_column_generation))
        with pytest.raises(KeyboardInterrupt):
            widths.width_sweep(*arguments, **options)
    assert [record.width for record in widths.width_sweep(*arguments, **options).records] == [2]


def test_a_finished_solution_is_handed_on():
    solution = small_strength.solve_column_generation(
        make_problem(np.eye(2), [1.0, 2.0], 0.1), rng=np.random.default_rng(0)
    )
    assert uninterrupted(solution) is solution
