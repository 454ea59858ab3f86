"""Width sweeps of several outputs: values beside other searches, bounds at every width, no staircase."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from convexnn import InvalidInputError, optimal_set, width_sweep
from tests.zoo import degenerate_designs, two_outputs, two_rows, variants

FAST = {"n_runs": 6, "random_state": 0}


def labelled(n=12):
    """Rows in the plane and one-hot rows of three classes that overlap."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 2))
    return X, np.eye(3)[(np.arange(n) + (X[:, 0] > 0)) % 3]


def other_search(loss, X, Y, beta, width, n_starts=20):
    """The least objective that scipy's BFGS meets from many starts, all written out."""
    d, c, rng = X.shape[1], Y.shape[1], np.random.default_rng(1)

    def objective(vector):
        neurons, outputs = vector[: width * d].reshape(width, d), vector[width * d :].reshape(width, c)
        fit = np.maximum(X @ neurons.T, 0.0) @ outputs
        misfit = 0.5 * np.sum((Y - fit) ** 2) if loss == "squared" else -np.sum(Y * log_softmax(fit, axis=1))
        return misfit + 0.5 * beta * (vector @ vector)

    return min(minimize(objective, rng.standard_normal(width * (d + c))).fun for _ in range(n_starts))


def test_values_and_bounds_of_a_known_optimum():
    known = two_outputs()
    sweep = width_sweep(known.X, known.y, known.beta, [1, 2, 5], **FAST)
    assert [record.optimal_value for record in sweep.records] == pytest.approx([known.value] * 3, rel=1e-6)
    for record in sweep.records:
        assert record.proof == "exact" and record.lower_bound <= min(known.value, record.best)
        assert (record.m_star, record.M_star, record.n_isolated) == (None,) * 3
    assert [record.regime for record in sweep.records] == [None, None, "connected"]
    assert [record.n_components for record in sweep.records] == [None, None, 1]
    assert sweep.records[0].share_reached == 0 and sweep.records[1].share_reached == 1
    assert "no staircase with 2 outputs" in repr(sweep)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("loss", ["squared", "multinomial"])
@pytest.mark.parametrize("width", [1, 2])
def test_values_beside_another_search(loss, width):
    X, Y = labelled()
    record = width_sweep(X, Y, 0.3, [width], loss=loss, n_runs=12, random_state=0).records[0]
    assert record.best == pytest.approx(other_search(loss, X, Y, 0.3, width), rel=2e-3)
    assert record.lower_bound <= record.best


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_losses_of_several_labels(loss):
    X, Y = labelled()
    record = width_sweep(X, 2.0 * Y - 1.0, 0.3, [8], loss=loss, fit_intercept=True, **FAST).records[0]
    assert record.lower_bound <= record.optimal_value <= record.best * (1 + 1e-6)
    assert record.best <= 1.01 * record.optimal_value


def test_one_output_beside_a_column_of_zeros():
    known = two_rows()
    Y = np.column_stack([known.y, np.zeros(2)])
    sweep = width_sweep(known.X, Y, known.beta, [1, 3], **FAST)
    value = optimal_set(known.X, known.y, known.beta).optimal_value
    assert [record.optimal_value for record in sweep.records] == pytest.approx([value] * 2, rel=1e-6)


def test_workers_and_checkpoints_change_nothing(tmp_path):
    X, Y = labelled()
    options = {"loss": "multinomial", "hidden_bias": True, "fit_intercept": True} | FAST
    expected = width_sweep(X, Y, 0.3, [1, 3, 4], **options)
    assert width_sweep(X, Y, 0.3, [4, 3, 1], n_jobs=2, **options) == expected
    path = tmp_path / "kept.jsonl"
    assert width_sweep(X, Y, 0.3, [1, 3, 4], checkpoint=path, **options) == expected
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert width_sweep(X, Y, 0.3, [1, 3, 4], checkpoint=path, **options) == expected
    with pytest.raises(InvalidInputError, match="checkpoint"):
        width_sweep(X, Y[:, [1, 0, 2]], 0.3, [1, 3, 4], checkpoint=path, **options)


@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_data(name):
    X = degenerate_designs()[name]
    Y = np.random.default_rng(2).standard_normal((len(X), 2))
    record = width_sweep(X, Y, 0.2, [len(X) + 1], proof="heuristic", **FAST).records[0]
    assert record.lower_bound <= record.best <= 1.1 * record.optimal_value
    assert record.optimal_value <= record.best * (1 + 1e-6)


@pytest.mark.parametrize("name", variants(np.zeros((2, 1)), np.zeros(2)))
def test_shifted_scaled_and_permuted_data(name):
    rng = np.random.default_rng(3)
    X, Y = variants(rng.standard_normal((6, 2)), rng.standard_normal((6, 2)))[name]
    beta = 0.05 * np.linalg.norm(X, axis=1) @ np.linalg.norm(Y, axis=1) / len(Y)
    record = width_sweep(X, Y, beta, [10], fit_intercept=True, **FAST).records[0]
    assert record.lower_bound <= record.best <= 1.02 * record.optimal_value


def test_targets_of_zero():
    record = width_sweep(np.eye(2), np.zeros((2, 2)), 0.1, [2], **FAST).records[0]
    assert record.optimal_value == record.worst == 0 and record.share_reached == record.share_converged == 1


def test_the_picture_names_the_runs():
    known = two_outputs()
    display = width_sweep(known.X, known.y, known.beta, [1, 5], **FAST).plot()
    assert "runs of L-BFGS" in display.ax_.get_title() and len(display.points_.get_offsets()) == 12


@pytest.mark.parametrize(
    ("option", "value"), [("labels", True), ("learning_rate", 0.1), ("loss", "absolute"), ("y", np.ones((2, 1)))]
)
def test_what_is_not_there_is_refused_by_name(option, value):
    with pytest.raises(InvalidInputError, match=option):
        width_sweep(**({"X": np.eye(2), "y": np.eye(2), "beta": 0.1, "widths": [1]} | {option: value}))
