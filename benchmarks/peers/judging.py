"""One judge for every answer: objective, cone violation and gap are recomputed from the arrays that came back.

The gap of an answer is measured against the best valid lower bound known in the run. A lower bound comes from the
residual nu of any answer, scaled into the dual feasible set: ``t nu^T y - t^2/2 ||nu||^2``, ``t <= beta / price(nu)``.
"""

from dataclasses import dataclass, field

import numpy as np

from .cones import cone_price, project, signed_rows

REACHED = 1e-6
"""Relative gap (and cone violation) from which on an answer counts as found."""

DROPPED = 1e-10
"""Blocks below this share of the largest are set to zero before they are projected on their cones."""


@dataclass
class Verdict:
    """What the judge found: objective as given, worst cone violation, and the objective of a feasible point near by."""

    objective: float
    feasible: float
    violation: float = 0.0

    def gap(self, bound):
        """Return the relative gap of the feasible point above a lower bound."""
        return (self.feasible - bound) / self.feasible

    def given_gap(self, bound):
        """Return the relative distance from a lower bound of the answer as given, feasible or not."""
        return abs(self.objective - bound) / self.objective

    def reached(self, bound):
        """Whether the answer counts as found: as it is given and nearly feasible, or made feasible."""
        return self.gap(bound) <= REACHED or (self.given_gap(bound) <= REACHED and self.violation <= REACHED)


class ProvenGap:
    """What the judges of convex programs share."""

    def words(self, verdict):
        """Return what a verdict says, in terms of the best lower bound so far."""
        return f"gap {verdict.gap(self.bound):.1e}"


@dataclass
class ConeJudge(ProvenGap):
    """Judge of the cone-constrained program over fixed patterns; `bound` is the best lower bound so far."""

    problem: object
    bound: float = field(default=0.0)

    def __call__(self, answer):
        """Return the verdict on the blocks ``positive`` and ``negative`` of shape (d, P)."""
        blocks = [answer["positive"], answer["negative"]]
        inside, violation = self.inside(blocks)
        verdict = Verdict(self.objective(*blocks), self.objective(*inside), violation)
        for pair in (inside, blocks):
            if verdict.gap(self.bound) > 0.01 * REACHED:
                self.raise_bound(self.residual(*pair))
        return verdict

    def residual(self, positive, negative):
        """Return ``y - sum_p D_p X (u_p - v_p)``."""
        X, y, masks = self.problem.X, self.problem.y, self.problem.masks
        return y - np.sum(masks.T * (X @ (positive - negative)), axis=1)

    def objective(self, positive, negative):
        """Return ``1/2 ||residual||^2 + beta sum_p (||u_p|| + ||v_p||)``."""
        norms = np.linalg.norm(positive, axis=0).sum() + np.linalg.norm(negative, axis=0).sum()
        return 0.5 * np.sum(self.residual(positive, negative) ** 2) + self.problem.beta * norms

    def inside(self, blocks):
        """Return the blocks projected on their cones, and their worst violation.

        The violation of a block is ``max_i -((2 D - I) x_i u)_- / (||x_i|| ||u||)``, weighted by ``||u||`` over the
        norm of the largest block.
        """
        X, masks = self.problem.X, self.problem.masks
        lengths = np.linalg.norm(X, axis=1, keepdims=True)
        largest = max(np.linalg.norm(block, axis=0).max() for block in blocks) or 1.0
        sides, inside, violation = np.where(masks.T, 1.0, -1.0), [], 0.0
        for block in blocks:
            depth = np.maximum(-(sides * (X @ block)) / lengths, 0.0).max(axis=0)
            violation = max(violation, depth.max() / largest)
            kept = np.linalg.norm(block, axis=0) > DROPPED * largest
            moved = np.where(kept, block, 0.0)
            for p in np.flatnonzero(kept & (depth > 0)):
                moved[:, p] = project(signed_rows(X, masks[p]), block[:, p])
            inside.append(moved)
        return inside, violation

    def raise_bound(self, dual_point):
        """Raise the bound to that of a dual point, where it is higher."""
        price = cone_price(self.problem.X, self.problem.masks, dual_point, enough=self.problem.beta)
        self.bound = max(self.bound, scaled_dual_value(self.problem.y, dual_point, self.problem.beta / price))


@dataclass
class GatedJudge(ProvenGap):
    """Judge of the group lasso on ``[D_1 X .. D_P X]``; `bound` is the best lower bound so far."""

    problem: object
    bound: float = field(default=0.0)

    def __call__(self, answer):
        """Return the verdict on ``weights`` of shape (d, P)."""
        X, y, masks, beta = self.problem.X, self.problem.y, self.problem.masks, self.problem.beta
        weights = answer["weights"]
        residual = y - np.sum(masks.T * (X @ weights), axis=1)
        objective = 0.5 * residual @ residual + beta * np.linalg.norm(weights, axis=0).sum()
        bound = scaled_dual_value(y, residual, beta / gated_price(X, masks, residual))
        self.bound = max(self.bound, bound)
        return Verdict(objective, objective)


@dataclass
class NetworkJudge:
    """Judge of networks, ``1/2 ||f(X) - y||^2 + beta/2 sum_j (||u_j||^2 + alpha_j^2)``.

    `bound` is the lower bound that our answer claims, or 0; it may be loose and no figure of the table rests on it.
    """

    problem: object
    bound: float = field(default=0.0)

    def words(self, verdict):
        """Return what a verdict says: here the objective, since the bound may be loose."""
        return f"objective {verdict.feasible:.8g}"

    def __call__(self, answer):
        """Return the verdict on ``neurons`` (m, d) and ``outputs`` (m,), balanced first: that changes no function."""
        neurons, outputs = answer["neurons"].astype(float), answer["outputs"].astype(float)
        fit = np.maximum(self.problem.X @ neurons.T, 0.0) @ outputs
        masses = np.linalg.norm(neurons, axis=1) * np.abs(outputs)
        objective = 0.5 * np.sum((fit - self.problem.y) ** 2) + self.problem.beta * masses.sum()
        self.bound = max(self.bound, float(answer.get("bound", 0.0)))
        return Verdict(objective, objective)


def gated_price(X, masks, dual_point):
    """Return ``max_p ||X^T D_p nu||``."""
    return np.linalg.norm(X.T @ (masks * dual_point).T, axis=0).max()


def scaled_dual_value(y, dual_point, largest):
    """Return the largest ``t nu^T y - t^2/2 ||nu||^2`` with ``0 <= t <= largest``."""
    square = dual_point @ dual_point
    scale = np.clip(dual_point @ y / square, 0.0, largest) if square > 0 else 0.0
    return scale * (dual_point @ y) - 0.5 * scale**2 * square
