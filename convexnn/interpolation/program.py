"""Minimum-norm interpolation as data: which targets can be met at all, and what an interpolating network costs.

``min 1/2 sum_j (||u_j||^2 + alpha_j^2)`` subject to ``f(x_i) = y_i`` for all i, over networks of every width. At its
minimum the cost is ``sum_k c_k`` over masses ``c >= 0`` on unit directions, with ``F c + Z b = y``. The dual problem
is ``max nu^T y`` subject to ``max_{||u|| <= 1} |nu^T (X u)_+| <= 1`` and ``Z^T nu = 0``: the limit beta -> 0 of
the training problem, with nu the residual divided by beta.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.optimize import linprog

from .._utils.norms import nonzero, norms
from ..exceptions import InvalidInputError
from ..losses.base import sum_rounding
from ..programs.free_bias import free_bias_leak
from ..programs.posing import make_problem, refuse_outputs
from ..programs.problem import Problem

# A network interpolates when its largest residual is at most 1e-8 of the largest target.
MAX_MISFIT = 1e-8
# Unit rows that agree to 13 decimals are on one line.
PARALLEL_DECIMALS = 13
# Targets of rows that are dependent to rounding may disagree by 1e-9 of the largest target.
MAX_DISAGREEMENT = 1e-9


@dataclass(frozen=True, repr=False)
class InterpolationProblem(Problem):
    """Distinct rows with their targets; `beta` is 1 and the weights are 1, so that the penalty is the cost.

    Attributes
    ----------
    penalize_bias : bool
        Whether the hidden bias counts in ``||u_j||``.
    labels : ndarray of shape (n_rows,)
        Number of the distinct row that every row of the caller's X is.
    """

    penalize_bias: bool = True
    labels: np.ndarray | None = None

    def squared(self, dual_point, beta):
        """Return the squared-loss `Problem` with the targets ``y + beta dual_point``, less their free part.

        For an optimal dual point its optimal networks are the interpolating networks of smallest cost: with the
        residual e of any network its objective is ``1/2 ||e||^2 + beta (cost + nu^T e)`` up to a constant, and
        ``cost + nu^T e >= nu^T y``, with equality at e = 0 exactly for the smallest cost. So any optimal nu will do.
        """
        options = {field.name: getattr(self, field.name) for field in fields(Problem)}
        return Problem(**options | {"y": self.y + beta * dual_point, "beta": beta})

    def gather(self, dual_point):
        """Return a dual point over the caller's rows as one over the distinct rows: equal rows are added up."""
        return np.bincount(self.labels, dual_point, len(self.y))

    def cost(self, network):
        """Return ``1/2 sum (||u||^2 + alpha^2)`` of a network as given; an unpenalised bias does not count."""
        if self.penalize_bias or network.hidden_bias is None:
            return network.penalty(1.0)
        return replace(network, hidden_bias=None).penalty(1.0)

    def residual(self, network):
        """Return ``y - f(X)`` of a network, of shape (n_distinct,)."""
        return self.y - network.predict(self.features)

    def misfit(self, network):
        """Return the largest ``|y_i - f(x_i)|`` relative to the largest target."""
        return float(np.abs(self.residual(network)).max() / max(np.abs(self.y).max(), np.finfo(float).tiny))

    def inner_below(self, dual_point, leak):
        """Return a bound on ``nu^T y`` for every nu orthogonal to the free terms and within `leak` of a dual point."""
        # nu' y for every nu' within leak of nu is at least nu^T y - leak^T |y|, less the rounding of the sum.
        sizes = np.abs(self.dual_targets) * (np.abs(dual_point) + leak)
        spill = np.sum(leak * np.abs(self.dual_targets)) + sum_rounding(len(sizes)) * np.sum(sizes)
        return float(np.sum(dual_point * self.dual_targets) - spill)

    def price_leak(self, leak):
        """As for a `Problem`, with a penalised bias or a `FreeBiasProblem`."""
        return float(np.dot(leak, self.row_norms)) if self.penalize_bias else free_bias_leak(self.features, leak)

    def objective(self, network):
        """Return the cost of an interpolating network, infinity for any other."""
        return self.cost(network) if self.misfit(network) <= MAX_MISFIT else np.inf

    def check_interpolates(self, network, tolerance, name="network"):
        """Refuse a network that does not interpolate; the message names the row with the largest residual."""
        self.check_terms(network, name)
        residual, allowed = self.residual(network), tolerance * np.abs(self.y).max()
        worst = int(np.abs(residual).argmax())
        if np.abs(residual[worst]) > allowed:
            raise InvalidInputError(
                f"{name} must interpolate: the largest residual, {residual[worst]:.3g} at row {self.rows[worst]}, is "
                f"above {allowed:.3g} (the tolerance {tolerance:g} times the largest target)."
            )


def interpolation_problem(X, y, *, hidden_bias=False, penalize_bias=True, fit_intercept=False, skip_connection=False):
    """Check the data and return the `InterpolationProblem` of their distinct rows.

    Raises
    ------
    ValueError
        For bad data, for targets that no network of this form can meet (the message names the rows), and for an
        unpenalised bias without a hidden bias, a skip connection and an intercept.
    """
    if not penalize_bias and not (hidden_bias and skip_connection and fit_intercept):
        raise InvalidInputError(
            "penalize_bias=False needs hidden_bias=True, skip_connection=True and fit_intercept=True: without free "
            "affine terms a bias that costs nothing lets the cost of some networks fall to zero."
        )
    flags = {"hidden_bias": hidden_bias, "fit_intercept": fit_intercept, "skip_connection": skip_connection}
    refuse_outputs(y)
    given = make_problem(X, y, 1.0, **flags)
    # Equal rows are one row with one target; + 0.0 turns -0.0 into 0.0, which is another row for `unique`.
    table = np.column_stack([given.features, given.y]) + 0.0
    _, first, labels = np.unique(table, axis=0, return_index=True, return_inverse=True)
    distinct = given.take(first, 1.0)
    options = {field.name: getattr(distinct, field.name) for field in fields(Problem)}
    problem = InterpolationProblem(**options, penalize_bias=bool(penalize_bias), labels=labels.reshape(-1))
    _check_consistent(problem)
    return problem


def _check_consistent(problem):
    """Refuse targets that no network can meet.

    ``nu^T (X u)_+`` vanishes for all u exactly when nu is orthogonal to the norms of the rows on every line, and to
    the rows that point against the orientation of their line, because ``(-z)_+ = (z)_+ - z``. Every network's values
    are orthogonal to such a nu (if it is orthogonal to the free terms too), and nothing else stands in the way.
    """
    lines, sizes = _lines(problem)
    counts = np.bincount(lines[lines >= 0], minlength=len(lines))
    rows = np.flatnonzero((lines < 0) | (counts[lines] > 1))  # a row alone on its line can take any value
    if len(rows) == 0:
        return
    # Divided by its norm every row takes the same value up to orientation: the columns below span all values.
    weight = 1.0 / nonzero(np.abs(sizes[rows]))
    on_line = (lines[rows, None] == np.unique(lines[lines >= 0])) & (lines[rows] >= 0)[:, None]
    against = (sizes[rows] < 0)[:, None] * problem.design[rows] * weight[:, None]
    terms = np.hstack([on_line, against, _unit_columns(problem.free[rows] * weight[:, None])])
    targets = problem.y[rows] * weight
    largest = np.abs(targets).max()
    if largest == 0.0:
        return
    # Targets can be met exactly when they are in the span of these columns.
    rest = targets / largest - terms @ np.linalg.lstsq(terms, targets / largest, rcond=1e-12)[0]
    if np.abs(rest).max() > MAX_DISAGREEMENT:
        _refuse(problem, rows, lines, weight * _relation(terms, targets / largest, rest))


def _unit_columns(columns):
    """Columns divided by their largest entries."""
    return columns / nonzero(np.abs(columns).max(axis=0, initial=0.0))


def _lines(problem):
    """Number of every row's line (-1: a zero row) and its norm, negative where it points the other way.

    With a hidden bias rows share a line when they are equal, which is not a matter of rounding.
    """
    if problem.hidden_bias:
        groups = np.unique(problem.design, axis=0, return_inverse=True)[1].reshape(-1)
        return groups, norms(problem.design)
    sizes = norms(problem.design)
    units = problem.design / nonzero(sizes)[:, None]
    orientation = np.sign(units[np.arange(len(units)), np.abs(units).argmax(axis=1)])
    oriented = np.round(orientation[:, None] * units, PARALLEL_DECIMALS) + 0.0
    groups = np.unique(oriented, axis=0, return_inverse=True)[1].reshape(-1)
    return np.where(sizes > 0, groups, -1), sizes * orientation


def _relation(terms, targets, rest):
    """A relation with few rows that the networks' values satisfy and the targets do not: ``min |nu|_1``."""
    n_rows = len(targets)
    basis, values, _ = np.linalg.svd(terms, full_matrices=False)
    held = basis[:, values > 1e-12 * values.max(initial=0.0)].T
    equations = np.vstack([held, targets])
    wanted = np.append(np.zeros(len(held)), 1.0)
    # min |nu|_1 subject to basis' nu = 0 and targets' nu = 1, with nu = nu_+ - nu_-: few rows carry it.
    answer = linprog(np.ones(2 * n_rows), A_eq=np.hstack([equations, -equations]), b_eq=wanted, method="highs-ds")
    nu = answer.x[:n_rows] - answer.x[n_rows:] if answer.status == 0 else rest
    return np.where(np.abs(nu) > 1e-9 * np.abs(nu).max(), nu, 0.0)


def _refuse(problem, rows, lines, relation):
    """Name the rows whose targets contradict each other, and why."""
    used = np.flatnonzero(relation)
    where = problem.rows[rows[used]].tolist()
    listed = ", ".join(f"y[{row}] = {value:g}" for row, value in zip(where, problem.y[rows[used]], strict=True))
    if len(where) == 1:
        reason = f"row {where[0]} of X is zero, where every such network is 0"
    elif np.ptp(problem.design[rows[used]], axis=0).max() == 0.0:
        reason = f"rows {where} of X are equal, their targets are not"
    else:
        factors = relation[used] / np.abs(relation[used]).max()
        terms = " ".join(f"{factor:+.6g} f(x_{row})" for factor, row in zip(factors, where, strict=True))
        kind = "on one ray" if len(set(lines[rows[used]])) == 1 else "dependent"
        reason = f"rows {where} of X are {kind}: every such network has {terms} = 0, the targets have not"
    raise InvalidInputError(f"y cannot be interpolated: {reason} ({listed}).")
