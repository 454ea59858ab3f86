"""Tables of spurious minima: the published shares, the same records always, files that are gone on with.

The starts are those of the tables, ``N(0, 1/k)``, with random_state=0; the bands are such that a correct program with
any other seed leaves them once in ten thousand runs.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from convexnn import InvalidInputError, landscape, sweeps
from convexnn.landscape import _teacher_ends as ends
from convexnn.landscape import population_gradient, population_loss, spurious, spurious_table, symmetric_minimum, tables
from convexnn.landscape._teacher_kernels import MAX_LANES, descend_all
from convexnn.landscape.tables import main

ROOT = Path(__file__).parents[2]
SIZES = [3, 6, (6, 7)]
FEW = {"n_runs": 12, "random_state": 0}
TORN = b'{"key": "6, 6", "rec'


@pytest.fixture(scope="module")
def at_eight():
    """300 runs at k = 8."""
    return spurious_table([8], n_runs=300, random_state=0).records[0]


@pytest.mark.slow
def test_the_share_at_eight_is_the_published_one(at_eight):
    n_spurious = round(at_eight.share * at_eight.n_runs)
    assert at_eight.published_share == 0.126 and at_eight.n_unfinished == 0
    # The published share has an error of its own: one percent, from 1000 runs.
    low, high = binom.ppf(5e-5, 300, 0.126 - 0.02), binom.ppf(1 - 5e-5, 300, 0.126 + 0.02)
    assert low <= n_spurious <= high
    assert at_eight.standard_error == pytest.approx(np.sqrt(at_eight.share * (1 - at_eight.share) / 300))


@pytest.mark.slow
def test_the_minima_at_eight_are_the_published_ones(at_eight):
    assert at_eight.eigenvalue == pytest.approx(at_eight.published_eigenvalue, abs=2e-3)
    assert at_eight.loss == pytest.approx(at_eight.published_loss, abs=3e-3)


@pytest.mark.parametrize("k", [2, 4, 5])
def test_below_six_there_are_no_spurious_ends(k):
    record = spurious_table([k], n_runs=100, random_state=0).records[0]
    assert (record.share, record.n_unfinished, record.eigenvalue, record.loss) == (0, 0, None, None)
    assert record.published_share is None


def test_ends_are_those_of_descent_alone():
    starts = ends.draw_starts(8, 8, 60, 3)
    found, n_unfinished = ends.descend_to_ends(starts.copy(), 0.1, 200_000)
    descend_all(starts, 0.1, 1e-9, 0, 200_000, np.zeros(60, dtype=np.int64))
    losses = [loss for loss in (population_loss(W, np.eye(8)) for W in starts) if loss > 1e-3]
    assert n_unfinished == 0 and len(losses) > 0
    np.testing.assert_allclose(np.sort(found[:, 0]), np.sort(losses), atol=1e-13)


def test_the_kernel_makes_the_steps_of_gradient_descent():
    points = ends.draw_starts(4, 5, 3, 0)
    expected = points[1].copy()
    for _ in range(50):
        expected -= 0.1 * population_gradient(expected, np.eye(4))
    n_iter = np.zeros(3, dtype=np.int64)
    descend_all(points, 0.1, 1e9, 0, 1000, n_iter)
    np.testing.assert_allclose(points[1], expected, atol=1e-13)
    assert n_iter.tolist() == [50, 50, 50]


@pytest.mark.parametrize("n_runs", [1, 3, MAX_LANES - 1, MAX_LANES + 2])
def test_a_run_ends_at_the_same_bits_in_any_company(n_runs):
    together, n_iter = ends.draw_starts(6, 6, 2 * MAX_LANES, 0), np.zeros(2 * MAX_LANES, dtype=np.int64)
    alone = together[:n_runs].copy()
    np.testing.assert_array_equal(ends.draw_starts(6, 6, n_runs, 0), alone)
    descend_all(together, 0.1, 1e-3, 0, 5000, n_iter)
    descend_all(alone, 0.1, 1e-3, 0, 5000, steps := np.zeros(n_runs, dtype=np.int64))
    np.testing.assert_array_equal(alone, together[:n_runs])
    np.testing.assert_array_equal(steps, n_iter[:n_runs])


def test_saddles_and_kinks_are_no_ends():
    assert ends.end_of(symmetric_minimum(5)) is None
    assert ends.end_of(np.full((6, 6), np.nan)) is None
    loss, eigenvalue = ends.end_of(symmetric_minimum(6) + 1e-5)
    assert loss == pytest.approx(0.025080581002, abs=1e-12) and eigenvalue == pytest.approx(0.0047003547, abs=1e-9)
    assert ends.end_of(np.eye(6)) == (0.0, pytest.approx(np.nan, nan_ok=True))


def test_runs_without_an_end_are_counted():
    record = spurious_table([6], n_runs=5, max_iter=1, random_state=0).records[0]
    assert 0 < record.n_unfinished <= 5 and record.share == 0
    assert spurious_table([6], n_runs=5, step=100.0, max_iter=1000, random_state=0).records[0].n_unfinished == 5


@pytest.mark.slow
def test_records_do_not_depend_on_workers_or_other_sizes():
    expected = spurious_table(SIZES, **FEW)
    assert [(record.k, record.n_students) for record in expected.records] == [(3, 3), (6, 6), (6, 7)]
    assert spurious_table([(6, 7), 3, (6, 6), 6], n_jobs=2, **FEW) == expected
    assert spurious_table([6], **FEW).records == expected.records[1:2]


def table(path, sizes=SIZES, **options):
    return spurious_table(sizes, checkpoint=path, **(FEW | options))


@pytest.mark.parametrize(("kept", "torn"), [(0, b""), (1, TORN), (2, b""), (4, TORN)])
def test_a_table_goes_on_from_its_file(kept, torn, tmp_path, monkeypatch):
    path, computed, record = tmp_path / "file", [], spurious._record
    whole = table(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]) + (torn if kept else lines[0][:9]))
    monkeypatch.setattr(spurious, "_record", lambda *arguments: computed.append(1) or record(*arguments))
    assert table(path) == whole and table(path) == whole
    assert len(computed) == len(whole) - max(0, kept - 1)


KILLED = """
import sys
from tests.landscape.test_spurious import table
table(sys.argv[1], verbose=1)
"""


def test_a_killed_table_loses_nothing_that_was_finished(tmp_path, monkeypatch):
    command = [sys.executable, "-u", "-c", KILLED, str(tmp_path / "file")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    printed = [process.stdout.readline() for _ in range(2)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert printed[1].startswith("2 of 3: k = 6, 6 students"), printed
    computed, record = [], spurious._record
    monkeypatch.setattr(spurious, "_record", lambda *arguments: computed.append(1) or record(*arguments))
    resumed = table(tmp_path / "file")
    assert len(computed) <= 1 and resumed == table(None)


@pytest.mark.parametrize(
    ("options", "name"), [({"sizes": [6]}, "sizes"), ({"step": 0.2}, "step"), ({"random_state": 1}, "random_state")]
)
def test_the_file_of_another_table_is_refused(options, name, tmp_path):
    table(tmp_path / "file", sizes=[3])
    with pytest.raises(InvalidInputError, match=f"belongs to another sweep: {name} "):
        table(tmp_path / "file", **({"sizes": [3]} | options))


def test_a_drawn_seed_is_kept(tmp_path):
    first = table(tmp_path / "file", sizes=[7], random_state=None)
    assert table(tmp_path / "file", sizes=[7], random_state=None) == first


def test_frame_and_output(capsys):
    pytest.importorskip("pandas")
    assert main(["3", "6,7", "--n-runs", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 of 2: k = 3, 3 students, 0.0% +- 0.0% spurious, ")
    assert lines[2].split()[:4] == ["k", "n", "%", "spurious"] and re.match(r" 3   3   0.0 \+- 0.0 +- +-", lines[3])
    result = table(None, sizes=[6])
    frame = result.to_frame()
    assert frame["published_share"].tolist() == [0.003] and "seconds" in frame
    assert repr(result) == "SpuriousTable(1 sizes, 12 runs each)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["abc"], "a size must be k or k,n; got 'abc'"),
        (["5,4"], "n_students for k = 5 in sizes must be an integer not below 5"),
        (["6", "--n-runs", "0"], "n_runs must be an integer not below 1; got 0"),
    ],
)
def test_bad_command_lines_end_with_a_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_an_interrupted_command_has_the_status_of_ctrl_c(monkeypatch, capsys):
    cut = sweeps.SpuriousTable(table(None, sizes=[6]).records, complete=False)
    monkeypatch.setattr(tables, "spurious_table", lambda *arguments, **options: cut)
    assert main(["6", "7"]) == 130 and " 6   6 " in capsys.readouterr().out


def test_the_published_sizes_are_the_default():
    sizes = spurious._check_sizes(spurious.PUBLISHED)
    assert sizes[:15] == [[k, k] for k in range(6, 21)]
    assert sizes[15:] == [[8, 9], [13, 14], [15, 16], [17, 18], [19, 20]]
    assert landscape.spurious_table is sweeps.spurious_table


def test_the_picture_shows_the_records():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    result = table(None)
    display = result.plot()
    assert set(display.shares_) == {0, 1} and set(display.published_) == {0}
    np.testing.assert_array_equal(display.shares_[0].lines[0].get_xdata(), [3, 6])
    np.testing.assert_allclose(display.published_[0].get_ydata(), [np.nan, 0.3])
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("sizes", []),
        ("sizes", 3),
        ("sizes", [1]),
        ("sizes", [(6, 5)]),
        ("sizes", [(6, 6, 6)]),
        ("sizes", ["six"]),
        ("n_runs", 0),
        ("step", 0),
        ("max_iter", 0),
        ("random_state", -1),
        ("n_jobs", 0),
        ("checkpoint", "/no/such/folder/file"),
        ("verbose", -1),
    ],
)
def test_bad_options_are_named(option, value):
    with pytest.raises(InvalidInputError, match=option):
        spurious_table(**({"sizes": [6], "n_runs": 1} | {option: value}))
