"""The pictures of sweeps show the figures of the records."""

import numpy as np
import pytest

from convexnn import regularization_path, width_sweep
from tests.zoo import identity, random_problem, three_rows

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from convexnn.plotting import RegularizationPathDisplay, WidthSweepDisplay  # noqa: E402

KNOWN = three_rows()


def sweep(widths=(1, 2, 3, 8), known=KNOWN, **options):
    return width_sweep(known.X, known.y, known.beta, widths, n_runs=5, max_iter=200, random_state=0, **options)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_every_run_is_a_dot_at_its_width():
    found = sweep()
    display = found.plot()
    assert isinstance(display, WidthSweepDisplay)
    places, values = display.points_.get_offsets().T
    np.testing.assert_array_equal(np.round(places), np.repeat([0, 1, 2, 3], 5))
    np.testing.assert_allclose(values, np.concatenate([record.objectives for record in found.records]))
    assert len(np.unique(places)) == 20
    np.testing.assert_array_equal(places, found.plot().points_.get_offsets()[:, 0])
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["1", "2", "3", "8"]
    assert set(display.optimum_.get_ydata()) == {found.records[0].optimal_value}
    bottom, top = display.ax_.get_ylim()
    assert bottom < KNOWN.value < values.max() < top


def test_widths_regimes_and_shares_are_marked():
    found = sweep()
    display = found.plot(plt.subplots()[1])
    assert {name: line.get_xdata()[0] for name, line in display.marks_.items()} == {"m*": 1, "M*": 2}
    shares = [f"{record.share_reached:.0%}" for record in found.records]
    assert texts(display.ax_) == ["empty", "finite", "mixed", "connected", *shares]
    plt.gcf().canvas.draw()


def test_equal_widths_share_a_mark_and_those_outside_have_none():
    known = identity([3, 4, -2], 0.5)
    assert list(sweep((1, 2), known).plot().marks_) == ["m* = M*"]
    assert list(sweep((3, 4), known).plot().marks_) == []


def test_a_sweep_without_a_proof_says_so():
    X, y = random_problem(15, 6)
    display = width_sweep(X, y, 0.5, [2], proof="heuristic", n_runs=2, max_iter=50, random_state=0).plot()
    assert "not proven" in display.optimum_.get_label()
    assert display.marks_ == {} and texts(display.ax_) == ["0%"]


def test_a_path_shows_values_steps_and_uniqueness():
    path = regularization_path(KNOWN.X, KNOWN.y, [2.0, 0.5, 0.1, 0.02])
    display = path.plot()
    assert isinstance(display, RegularizationPathDisplay) and display.ax_.get_xscale() == "log"
    for label, name in (("p*", "optimal_value"), ("loss", "loss"), ("penalty", "penalty")):
        np.testing.assert_array_equal(display.lines_[label].get_ydata(), [getattr(r, name) for r in path.records])
    np.testing.assert_array_equal(display.steps_["m*"].get_ydata(), [2, 2, 2, 0])
    np.testing.assert_array_equal(display.steps_["M*"].get_ydata(), [3, 3, 3, 0])
    assert display.marks_["one optimal network"].get_xdata().tolist() == [2.0]
    assert display.marks_["several"].get_xdata().tolist() == [0.5, 0.1, 0.02]
    np.testing.assert_allclose(display.changes, [1.0])
    plt.gcf().canvas.draw()


def test_a_path_without_proofs_has_crosses_and_no_steps():
    X, y = random_problem(15, 6)
    display = regularization_path(X, y, [1.0, 0.5], proof="heuristic").plot(plt.subplots()[1])
    assert list(display.marks_) == ["not known"] and np.isnan(display.steps_["m*"].get_ydata()).all()
    assert len(display.changes) == 0
    plt.gcf().canvas.draw()
