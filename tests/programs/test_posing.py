"""Problems of one output and of several: one class, posed and refused in the same words."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU, convex_program
from convexnn.landscape import classify, gradient_descent, loss_barrier
from convexnn.losses import LOSSES, VECTOR_LOSSES, make_loss
from convexnn.programs import make_problem, solve_program
from convexnn.programs.posing import problem_of

TERMS = {"hidden_bias": True, "fit_intercept": True, "skip_connection": True}


def targets(loss, n=25):
    """Data with one column of targets that the loss is defined for, and weights."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, 2)), rng.standard_normal(n)
    return X, np.sign(y) if make_loss(loss).labels else y, rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize("terms", [{}, TERMS], ids=["bare", "terms"])
@pytest.mark.parametrize("loss", sorted(set(LOSSES) & set(VECTOR_LOSSES)))
def test_one_column_is_the_problem_of_a_vector(loss, terms):
    X, y, weight = targets(loss)
    options = {"loss": loss, "sample_weight": weight, **terms}
    one, column = make_problem(X, y, 0.5, **options), make_problem(X, y[:, None], 0.5, **options)
    assert one.n_outputs == column.n_outputs == 1 and column.y.shape == (25, 1)
    fit = 0.1 * np.random.default_rng(1).standard_normal(25)
    nu, columns = one.dual_point(fit), column.dual_point(fit[:, None])
    assert columns[:, 0] == pytest.approx(nu, rel=1e-9, abs=1e-12)
    (nu, leak), (columns, leaks) = one.orthogonal(nu), column.orthogonal(columns)
    assert columns[:, 0] == pytest.approx(nu, rel=1e-9, abs=1e-12)
    assert column.price_leak(leaks) == pytest.approx(one.price_leak(leak), rel=1e-3, abs=1e-300)
    assert column.dual_bound(columns, 1.0, leaks)[0] == pytest.approx(one.dual_bound(nu, 1.0, leak)[0], rel=1e-9)
    assert column.spread(columns).shape == (25, 1)


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_dual_slopes_of_next_to_nothing_stand_in_no_way(loss):
    """The second try without them, once for one output only, is there for columns too."""
    X, y, weight = targets(loss)
    dual_point = weight * y * np.where(np.arange(25) % 3, 0.3, -1e-16)
    several = make_problem(X, np.column_stack([y, y]), 0.5, loss=loss), np.column_stack([dual_point, dual_point])
    for problem, nu in ((make_problem(X, y, 0.5, loss=loss), dual_point), several):
        nu, leak = problem.orthogonal(nu)
        assert problem.dual_bound(nu, 1.0, leak)[0] > 0.0


def test_a_problem_says_its_outputs():
    X, y, _ = targets("squared")
    assert "outputs" not in str(make_problem(X, y, 0.5)) and "outputs" in str(make_problem(X, np.eye(25)[:, :3], 0.5))


def test_targets_whose_squares_overflow_are_refused_in_any_shape():
    for y in (np.full(2, 1e200), np.full((2, 3), 1e200)):
        with pytest.raises(ValueError, match="y is too large"):
            make_problem(np.eye(2), y, 1.0)


NETWORK = TwoLayerReLU(np.eye(2), np.eye(2))


@pytest.mark.parametrize(
    "call",
    [
        lambda: convex_program(np.eye(2), np.eye(2), np.eye(2, dtype=bool), 1.0),
        lambda: solve_program(make_problem(np.eye(2), np.eye(2), 1.0), np.eye(2, dtype=bool)),
        lambda: classify(NETWORK, np.eye(2), np.eye(2), 1.0),
        lambda: gradient_descent(np.eye(2), np.eye(2), 2, 1.0, n_runs=1),
        lambda: loss_barrier(NETWORK, NETWORK, np.eye(2), np.eye(2), 1.0),
    ],
    ids=["convex_program", "solve_program", "classify", "gradient_descent", "loss_barrier"],
)
def test_who_needs_one_output_refuses_several_by_name(call):
    with pytest.raises(ValueError, match=r"y must have shape \(n_samples,\) here; got shape \(2, 2\)"):
        call()


def test_multinomial_targets_are_one_hot_rows():
    with pytest.raises(ValueError, match=r"one-hot rows y of shape \(n_samples, n_classes\).*got shape \(2,\)"):
        make_problem(np.eye(2), np.array([0, 1]), 1.0, loss="multinomial")


def test_a_problem_of_a_network_takes_its_terms():
    problem = problem_of(NETWORK, np.eye(2), np.eye(2), 1.0)
    assert problem.n_outputs == 2 and not (problem.hidden_bias or problem.fit_intercept or problem.skip_connection)
    problem.check_network(NETWORK)
    for y in (np.ones(2), np.ones((2, 3))):
        with pytest.raises(ValueError, match="output_weights of shape"):
            problem_of(NETWORK, np.eye(2), y, 1.0).check_network(NETWORK)
