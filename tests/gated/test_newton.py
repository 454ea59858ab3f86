"""The gated program with other losses: against cvxpy's group lasso, with the proof recomputed in plain numpy."""

import cvxpy as cp
import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.gated.certificate import certify_gated
from convexnn.gated.newton import solve_gated_loss
from convexnn.gated.solver import solve_gated
from convexnn.programs import make_problem
from convexnn.solvers.base import Status

from ..zoo import degenerate_designs, random_problem, variants

BIAS, INTERCEPT, SKIP = {"hidden_bias": True}, {"fit_intercept": True}, {"skip_connection": True}
FLAGS = [{}, BIAS | INTERCEPT, SKIP | INTERCEPT]
OTHERS = ("huber", "logistic", "squared_hinge")


def targets(X, y, loss):
    """Targets that suit the loss and no linear function."""
    return np.where(y > np.median(y), 1.0, -1.0) if loss != "huber" else 2.0 * y


def gated_problem(X, y, loss, share=0.1, n_gates=8, weight=None, **flags):
    """A problem with beta this share of the smallest that makes all blocks zero, and masks."""
    options = {"loss": loss, "sample_weight": weight} | flags
    problem = make_problem(X, y, 1.0, **options)
    masks = np.random.default_rng(0).standard_normal((n_gates, problem.design.shape[1])) @ problem.design.T >= 0
    nu = problem.dual_point(np.zeros(len(problem.y)))
    strongest = np.linalg.norm((masks * nu) @ problem.design, axis=1).max()
    return make_problem(X, y, share * max(strongest, 1e-12 * np.linalg.norm(X) + 1e-300), **options), masks


def plain_loss(name, y, fit):
    """The loss of every row, written out."""
    if name == "squared":
        return 0.5 * (y - fit) ** 2
    if name == "huber":
        size = np.abs(y - fit)
        return np.where(size <= 1.35, 0.5 * size**2, 1.35 * size - 0.5 * 1.35**2)
    return np.logaddexp(0.0, -y * fit) if name == "logistic" else 0.5 * np.maximum(0.0, 1.0 - y * fit) ** 2


def plain_dual(name, y, s):
    """Minus the conjugate at -s, row by row; -inf outside of its domain."""
    if name in ("squared", "huber"):
        inside = np.abs(s) <= 1.35 * (1 + 1e-12) if name == "huber" else True
        return np.where(inside, s * y - 0.5 * s**2, -np.inf)
    p = y * s
    if name == "squared_hinge":
        return np.where(p >= 0, p - 0.5 * p**2, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nan_to_num(p * np.log(p)) - np.nan_to_num((1 - p) * np.log1p(-p))
    return np.where((p >= 0) & (p <= 1), entropy, -np.inf)


def reference_value(problem, masks):
    """The optimal value by cvxpy."""
    blocks = cp.Variable((len(masks), problem.design.shape[1]))
    fit = sum(cp.multiply(mask.astype(float), problem.design @ blocks[p]) for p, mask in enumerate(masks))
    if problem.free.shape[1]:  # the oldest cvxpy has no empty variables
        fit = fit + problem.free @ cp.Variable(problem.free.shape[1])
    rest, margins = problem.y - fit, cp.multiply(problem.y, fit)
    terms = {
        "huber": lambda: 0.5 * cp.huber(rest, 1.35),
        "logistic": lambda: cp.logistic(-margins),
        "squared_hinge": lambda: 0.5 * cp.square(cp.pos(1 - margins)),
    }[problem.loss.name]()
    cost = cp.sum(cp.multiply(problem.weight, terms)) + problem.beta * cp.sum(cp.norm(blocks, axis=1))
    program = cp.Problem(cp.Minimize(cost))
    program.solve(cp.CLARABEL, tol_gap_rel=1e-9, tol_gap_abs=1e-9, tol_feas=1e-9)
    return program.value


def check_proof(solution, problem, masks):
    """Assert that the primal and the dual value are those of the blocks and of a feasible dual point."""
    nu, name = solution.dual_point, problem.loss.name
    slopes = np.linalg.norm((masks * nu) @ problem.design, axis=1)
    assert slopes.max(initial=0.0) <= problem.beta * (1 + 1e-9)
    assert np.all(np.abs(problem.free.T @ nu) <= 1e-8 * (np.abs(problem.free).T @ np.abs(nu)) + 1e-300)
    fit = problem.free @ solution.free + sum(
        mask * (problem.design @ w) for mask, w in zip(masks, solution.blocks, strict=True)
    )
    primal = problem.weight @ plain_loss(name, problem.y, fit)
    primal += problem.beta * np.linalg.norm(solution.blocks, axis=1).sum()
    assert solution.primal == pytest.approx(primal, rel=1e-9)
    dual = problem.weight @ plain_dual(name, problem.y, nu / problem.weight)
    assert solution.dual <= dual + 1e-9 * primal
    assert solution.relative_gap == pytest.approx((solution.primal - solution.dual) / primal, abs=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.02])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(flags) or "plain")
@pytest.mark.parametrize("loss", OTHERS)
def test_against_the_reference(loss, flags, share):
    X, y = random_problem(40, 2, seed=1)
    weight = np.where(np.arange(40) % 5 == 0, 0.0, 1.0 + np.arange(40) % 3)
    problem, masks = gated_problem(X, targets(X, y, loss), loss, share, weight=weight, **flags)
    solution = solve_gated_loss(problem, masks)
    check_proof(solution, problem, masks)
    assert solution.status is Status.proven and solution.relative_gap <= 1e-6
    assert solution.primal == pytest.approx(reference_value(problem, masks), rel=3e-6)


@pytest.mark.parametrize("name", variants(*random_problem(3, 2)))
@pytest.mark.parametrize("loss", OTHERS)
def test_variants(loss, name):
    X, y = variants(*random_problem(14, 2, seed=2))[name]
    problem, masks = gated_problem(X, targets(X, y, loss), loss, 0.1, **BIAS, **INTERCEPT)
    solution = solve_gated_loss(problem, masks)
    check_proof(solution, problem, masks)
    if (loss, name) == ("huber", "large targets"):  # a billion deltas: absolute errors in all but name, out of reach
        assert solution.status in (Status.proven, Status.stalled, Status.max_iter)
    else:
        assert solution.status is Status.proven


@pytest.mark.parametrize("name", degenerate_designs())
@pytest.mark.parametrize("loss", OTHERS)
def test_degenerate_designs(loss, name):
    X = degenerate_designs()[name]
    y = targets(X, np.arange(len(X)) % 3 - 0.5, loss)
    problem, masks = gated_problem(X, y, loss, 0.2)
    solution = solve_gated_loss(problem, masks)
    check_proof(solution, problem, masks)
    assert solution.status is Status.proven


@pytest.mark.parametrize("loss", OTHERS)
def test_zero_blocks_from_the_largest_strength_on(loss):
    X, y = random_problem(20, 3)
    problem, masks = gated_problem(X, targets(X, y, loss), loss, 1.0001, **INTERCEPT)
    assert not solve_gated_loss(problem, masks, tol=1e-8).blocks.any()
    problem, masks = gated_problem(X, targets(X, y, loss), loss, 0.999, **INTERCEPT)
    assert solve_gated_loss(problem, masks, tol=1e-8).blocks.any()


def test_rows_of_very_different_weight():
    """What damps a row must not grow with its weight: this one once stalled at a gap of 70 %."""
    X, y = random_problem(40, 2, seed=4)
    labels = targets(X, y, "logistic")
    problem, masks = gated_problem(X, labels, "logistic", weight=np.where(labels > 0, 1e3, 1e-4), **BIAS, **INTERCEPT)
    solution = solve_gated_loss(problem, masks)
    check_proof(solution, problem, masks)
    assert solution.status is Status.proven


def test_a_start_near_the_optimum_saves_steps():
    X, y = random_problem(30, 3)
    problem, masks = gated_problem(X, targets(X, y, "logistic"), "logistic", **INTERCEPT)
    first = solve_gated_loss(problem, masks, tol=1e-7)
    again = solve_gated_loss(problem, masks, start=first.blocks)
    assert again.n_iter < first.n_iter and again.status is Status.proven
    assert again.primal == pytest.approx(first.primal, rel=1e-6)
    with pytest.raises(InvalidInputError, match="start"):
        solve_gated_loss(problem, masks, start=first.blocks[1:])


def test_limits_keep_an_honest_proof():
    X, y = random_problem(40, 3)
    problem, masks = gated_problem(X, targets(X, y, "logistic"), "logistic", 0.01)
    solution = solve_gated_loss(problem, masks, max_iter=5)
    check_proof(solution, problem, masks)
    assert solution.status is Status.max_iter and solution.relative_gap > 1e-6
    late = solve_gated_loss(problem, masks, deadline=0.0)
    assert late.status is Status.time_limit


def test_no_minimum_is_no_proof():
    """A skip connection that separates the classes: the infimum 0 is not attained."""
    X = np.arange(-3.0, 4.0)[:, None] + 0.5
    problem, masks = gated_problem(X, np.sign(X[:, 0]), "logistic", weight=None, **SKIP)
    solution = solve_gated_loss(problem, masks)
    assert solution.dual == 0.0 and solution.status is not Status.proven


def test_the_certificate_judges_any_blocks():
    X, y = random_problem(30, 2)
    problem, masks = gated_problem(X, y, "squared", **INTERCEPT)
    best = solve_gated(problem, masks, tol=1e-9)
    proof = certify_gated(problem, masks, best.blocks)
    assert proof.primal == pytest.approx(best.primal, rel=1e-9) and proof.relative_gap <= 1e-6
    assert "optimal over these 8 gates" in str(proof)
    worse = certify_gated(problem, masks, 1.5 * best.blocks)
    assert worse.dual <= best.primal <= worse.primal and worse.status == "not proven"
    assert certify_gated(problem, masks, 1.5 * best.blocks, best.dual_point).dual == pytest.approx(best.dual, rel=1e-9)
