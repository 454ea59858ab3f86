"""What the benchmarks leave for the documentation: stored results, and the tables that are made of them."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import pages

ROOT = Path(__file__).parents[1]
ROW = {"program": "gates", "n": 50, "d": 5, "patterns": 50, "fraction": 0.1, "limit": 40.0, "peer": "celer", "note": ""}
FIGURES = {"seconds": 3.0, "our_seconds": 0.5, "our_total": 0.5, "gap": 1e-7, "our_gap": 0.0}
KEY = ("program", "n", "fraction", "peer")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "RESULTS", tmp_path)
    return tmp_path


def test_rows_replace_those_of_the_same_problem(folder):
    first, other = {**ROW, **FIGURES}, {**ROW, **FIGURES, "peer": "skglm"}
    pages.save("peers", [first, other], KEY)
    pages.save("peers", [{**first, "seconds": 1.0}], KEY)
    kept = json.loads((folder / "peers.json").read_text())["rows"]
    assert [(row["peer"], row["seconds"]) for row in kept] == [("celer", 1.0), ("skglm", 3.0)]


def test_a_table_has_ratios_and_says_why_there_are_none(folder):
    unfinished = {**ROW, **FIGURES, "peer": "skglm", "seconds": None, "note": "did not finish in 40 s"}
    loose = {**ROW, **FIGURES, "peer": "adelie", "gap": 3e-5, "seconds": 301.0}
    pages.save("peers", [{**ROW, **FIGURES}, unfinished, loose], KEY)
    table = (folder / "peers_gates.inc").read_text()
    assert '"50, 5, 50", "0.1", "0.5", "6", "not in 40 s", "600, at a gap of 3e-05"' in table


def test_networks_that_are_never_as_good_are_called_so(folder):
    pages.save("peers", [{**ROW, **FIGURES, "program": "network", "our_seconds": None}], KEY)
    assert '"celer", "3", "never", "--", "1e-07", "0, after 0.5 s"' in (folder / "peers_network.inc").read_text()


def test_the_tables_of_the_page_are_those_of_the_stored_results(folder):
    stored = ROOT / "docs" / "_results"
    for name in ("peers", "proofs"):
        (folder / f"{name}.json").write_text((stored / f"{name}.json").read_text())
    pages.write_tables()
    shown = re.findall(r"_results/(\w+)\.inc", (ROOT / "docs" / "benchmarks.rst").read_text())
    assert sorted(shown) == sorted(path.stem for path in folder.glob("*.inc"))
    for name in shown:
        assert (stored / f"{name}.inc").read_text() == (folder / f"{name}.inc").read_text(), name
