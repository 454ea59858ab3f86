"""Checkpoints: what was finished survives a kill, a torn line does not matter, another sweep's file is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convexnn import ConvergenceWarning, InvalidInputError, regularization_path, width_sweep
from convexnn.resumable.checkpoint import Checkpoint
from convexnn.sweeps import strengths, widths
from tests.zoo import random_problem

ROOT = Path(__file__).parents[2]
X, Y = random_problem(8, 2)
TORN = b'{"key": 3, "rec'


def sweep(path, n_widths=3, **options):
    """A width sweep with a checkpoint."""
    options = {"n_runs": 2, "max_iter": 50, "random_state": 0} | options
    return width_sweep(X, Y, options.pop("beta", 0.3), range(1, n_widths + 1), checkpoint=path, **options)


def strength_path(path, **options):
    """A refined regularisation path with a checkpoint."""
    return regularization_path(
        np.eye(3), [3, 4, -2], **({"n_betas": 6, "eps": 0.2, "refine": 0.2, "checkpoint": path} | options)
    )


SWEEPS = pytest.mark.parametrize(
    ("run", "module"), [(sweep, widths), (strength_path, strengths)], ids=["widths", "strengths"]
)


def count_computed(monkeypatch, module):
    """Return a list that grows by one for every record that is computed."""
    computed, record = [], module._record
    monkeypatch.setattr(module, "_record", lambda *arguments: computed.append(1) or record(*arguments))
    return computed


def seconds(result):
    return [record.seconds for record in result.records]


@SWEEPS
def test_finished_records_are_read_and_not_computed(run, module, tmp_path, monkeypatch):
    whole = run(tmp_path / "file")
    assert whole == run(None)
    computed = count_computed(monkeypatch, module)
    again = run(tmp_path / "file")
    assert again == whole and seconds(again) == seconds(whole) and not computed
    if module is strengths:
        for a, b in zip(again.records, whole.records, strict=True):
            np.testing.assert_array_equal(a.network.neurons, b.network.neurons)
            assert a.network.neurons.shape == b.network.neurons.shape


@SWEEPS
@pytest.mark.parametrize(("kept", "torn"), [(0, b""), (1, TORN), (2, b""), (4, TORN)])
def test_a_resumed_sweep_is_bit_identical(run, module, kept, torn, tmp_path, monkeypatch):
    path = tmp_path / "file"
    whole = run(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]) + (torn if kept else lines[0][:9]))
    computed = count_computed(monkeypatch, module)
    resumed = run(path)
    assert resumed == whole
    assert len(path.read_bytes().splitlines()) == len(lines)
    shared = 1 if module is widths else 0  # the line of the optimum
    assert len(computed) == len(whole) - max(0, kept - 1 - shared)


def test_a_path_may_be_refined_further_from_its_file(tmp_path):
    coarse = strength_path(tmp_path / "file", refine=None)
    fine = strength_path(tmp_path / "file")
    assert fine == strength_path(None) and set(coarse.records) < set(fine.records)
    assert strength_path(tmp_path / "file", refine=None) == coarse


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"beta": 0.4}, "beta"),
        ({"n_widths": 4}, "widths"),
        ({"n_runs": 3}, "n_runs"),
        ({"random_state": 1}, "random_state"),
        ({"learning_rate": 0.1}, "descent"),
        ({"hidden_bias": True}, "hidden_bias"),
        ({"sample_weight": np.linspace(1, 2, 8)}, "data"),
    ],
)
def test_the_file_of_another_sweep_is_refused(options, name, tmp_path):
    sweep(tmp_path / "file")
    before = (tmp_path / "file").read_bytes()
    with pytest.raises(InvalidInputError, match=f"checkpoint=.*belongs to another sweep: {name} "):
        sweep(tmp_path / "file", **options)
    with pytest.raises(InvalidInputError, match="checkpoint=.*belongs to another sweep"):
        strength_path(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == before


@pytest.mark.parametrize("content", [b"a letter", b"a letter\n", b"[1]\n", b"\x00\xff\n"])
def test_a_file_that_is_none_of_ours_is_left_alone(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InvalidInputError, match="checkpoint="):
        sweep(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == content


HEADER = {"format": 1, "sweep": "test", "data": "0" * 32}


@contextmanager
def no_room_beyond(size):
    """A context in which no file can grow beyond a size in bytes, as on a disk that is nearly full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 1, 23, 24, 60])
def test_a_full_disk_leaves_no_stub_of_a_header(room, tmp_path):
    path = tmp_path / "file"
    with pytest.raises(OSError) as caught, no_room_beyond(room):
        Checkpoint(path, HEADER)
    assert caught.value.filename == str(path) and path.read_bytes() == b""
    with Checkpoint(path, HEADER) as kept:
        kept.append(1, "one")
    with Checkpoint(path, HEADER) as kept:
        assert kept.finished == {1: "one"}


def test_a_full_disk_tears_no_record(tmp_path):
    path = tmp_path / "file"
    with Checkpoint(path, HEADER) as kept:
        kept.append(1, "one")
        whole = path.read_bytes()
        with pytest.raises(OSError), no_room_beyond(len(whole) + 10):
            kept.append(2, "two")
        assert path.read_bytes() == whole
        kept.append(2, "two")
    with Checkpoint(path, HEADER) as kept:
        assert kept.finished == {1: "one", 2: "two"}


def test_every_stub_of_a_header_is_replaced(tmp_path):
    path = tmp_path / "file"
    with Checkpoint(path, HEADER):
        whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with Checkpoint(path, HEADER) as kept:
            assert kept.finished == {} and path.read_bytes() == whole


def test_a_damaged_line_is_refused(tmp_path):
    sweep(tmp_path / "file")
    lines = (tmp_path / "file").read_bytes().splitlines(keepends=True)
    (tmp_path / "file").write_bytes(b"".join([lines[0], lines[1][:20] + b"\n", *lines[2:]]))
    with pytest.raises(InvalidInputError, match="damaged"):
        sweep(tmp_path / "file")


def test_a_drawn_seed_is_kept(tmp_path):
    first = sweep(tmp_path / "file", random_state=None)
    text = (tmp_path / "file").read_bytes().splitlines(keepends=True)
    (tmp_path / "file").write_bytes(b"".join(text[:2]))
    assert sweep(tmp_path / "file", random_state=None) == first
    assert sweep(None, random_state=None) != first


KILLED = """
import sys
from tests.resumable.test_checkpoint import sweep, strength_path
run = {"widths": sweep, "strengths": strength_path}[sys.argv[1]]
run(sys.argv[2], verbose=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "run"), [("widths", sweep), ("strengths", strength_path)])
def test_a_killed_sweep_loses_nothing_that_was_finished(name, run, tmp_path):
    path = tmp_path / "file"
    command = [sys.executable, "-u", "-c", KILLED, name, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    printed = [process.stdout.readline() for _ in range(2)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert printed[1].startswith("2 of "), printed
    lines = path.read_bytes().split(b"\n")[:-1]
    kept = [json.loads(line)["key"] for line in lines[1:]]
    assert len([key for key in kept if key != "optimum"]) >= 2
    started = time.monotonic()
    assert run(path) == run(None) and time.monotonic() - started < 60


def interrupt_after(monkeypatch, module, n_records):
    """Make the computation of the record after `n_records` raise KeyboardInterrupt."""
    computed, record = [], module._record

    def interrupted(*arguments):
        if len(computed) == n_records:
            raise KeyboardInterrupt
        computed.append(1)
        return record(*arguments)

    monkeypatch.setattr(module, "_record", interrupted)


@SWEEPS
def test_an_interrupt_returns_what_is_finished(run, module, tmp_path, monkeypatch):
    whole = run(None)
    with monkeypatch.context() as patched:
        interrupt_after(patched, module, 2)
        with pytest.warns(
            ConvergenceWarning, match=r"2 of \d records are finished and returned, \d are missing"
        ) as seen:
            part = run(tmp_path / "file")
    assert seen[0].filename == __file__
    assert not part.complete and len(part) == 2 and set(part.records) < set(whole.records)
    assert "not complete" in repr(part)
    assert run(tmp_path / "file") == whole


@SWEEPS
def test_an_interrupt_before_the_first_record_is_raised(run, module, monkeypatch):
    interrupt_after(monkeypatch, module, 0)
    with pytest.raises(KeyboardInterrupt):
        run(None)


def test_an_interrupt_inside_the_solver_ends_the_path(monkeypatch):
    from convexnn.solvers.scalar_run import ScalarRun

    search, calls = ScalarRun.search, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return search(*arguments)

    monkeypatch.setattr(ScalarRun, "search", interrupted)
    with pytest.warns(ConvergenceWarning, match="missing"):
        part = strength_path(None)
    assert all(record.proof == "exact" for record in part.records)


def test_seconds_are_no_part_of_comparisons():
    record = sweep(None).records[0]
    assert replace(record, seconds=-1.0) == record and replace(record, width=9) != record
