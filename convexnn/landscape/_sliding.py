"""Gradient flow of a network across and along its kinks: Filippov's solution, by event location.

Between kinks the flow is smooth. A neuron whose preactivation of some row reaches 0 has come to a hyperplane. Let t be
its distance from it, n the unit normal; near it the objective is smooth but for ``C (t)_+``, where C sums ``alpha_j p_i
||x_i||`` over the rows on the hyperplane, p being the gradient of the loss at the fit. Beyond the hyperplane the flow
goes on, or turns back: then it slides along, with the gate g in [0, 1] for which ``g C n`` cancels the normal velocity,
until the gate leaves the interval.

Conventions
-----------
normals : (n_planes, n_inputs), unit normals of the hyperplanes that the rows span, no two parallel; rows of zeros span
    none.
sides : (n_planes, width), 1.0 where a neuron is on the side of the normal, 0.0 on the other, nan where it slides.
weights : see `_weights`; the moving ones are the first of them.
"""

import numpy as np
from scipy.integrate import LSODA
from scipy.optimize import lsq_linear

from .._utils.norms import norms
from ..exceptions import SolverError

# Normals are parallel when their cosine is within 1e-12 of one.
PARALLEL = 1e-12
# A neuron is on a hyperplane within 1e-11 of its length, and a gate in [0, 1] within 1e-9.
ON_PLANE, GATE_ROUNDING = 1e-11, 1e-9
# An event is located by bisection to 1e-14 of the step's length.
BISECTIONS = 47
# A flow may meet 20 000 events and make 200 000 steps.
MAX_EVENTS, MAX_STEPS = 20_000, 200_000
# The sides of a neuron on several hyperplanes are found in 20 rounds.
MAX_ROUNDS = 20


class Kinks:
    """The hyperplanes of a `Problem`, and the smooth velocity of a network on given sides of them."""

    def __init__(self, problem, n_moving):
        self.problem, self.n_moving = problem, n_moving
        lengths = norms(problem.design)
        self.normals, self.planes, self.signs = _planes_of(problem.design, lengths)
        # Row i changes (n . u)_+ on plane `planes[i]` by its length; rows of zeros have plane -1.
        self.lengths = lengths

    def parts(self, weights):
        """Views of the neurons (width, n_inputs), the output weights and the free terms."""
        n_inputs, n_free = self.problem.design.shape[1], self.problem.free.shape[1]
        width = (len(weights) - n_free) // (n_inputs + 1)
        neurons, outputs, free = np.split(weights, [width * n_inputs, width * (n_inputs + 1)])
        return neurons.reshape(width, n_inputs), outputs, free

    def gates(self, sides):
        """Gates of the rows, of shape (n_samples, width); those of sliding rows are 0."""
        # Rows of zeros have plane -1, which is the row of nan put last: they are off.
        row_sides = np.vstack([sides, np.full((1, sides.shape[1]), np.nan)])[self.planes]
        return np.where(self.signs[:, None] > 0, row_sides == 1.0, row_sides == 0.0)

    def pull(self, weights, gates):
        """Gradient of the loss at the fit, of shape (n_samples,), and the fits of the neurons."""
        neurons, outputs, free = self.parts(weights)
        fits = gates * (self.problem.design @ neurons.T)
        fit = fits @ outputs + self.problem.free @ free
        return -self.problem.loss.dual_point(self.problem.y, fit, self.problem.weight), fits

    def jumps(self, pull):
        """The sums C of the hyperplanes for an output weight of 1, of shape (n_planes,)."""
        rows = self.planes >= 0
        return np.bincount(self.planes[rows], (pull * self.lengths)[rows], len(self.normals))

    def velocity(self, weights, gates, bases):
        """Minus the gradient; ``bases`` holds for sliding neurons an orthonormal basis of the normals."""
        neurons, outputs, _ = self.parts(weights)
        pull, fits = self.pull(weights, gates)
        forces = -((gates * pull[:, None] * outputs).T @ self.problem.design)
        for j, basis in bases.items():
            # Sliding cancels the velocity along the normals; the decay by beta has none, since n . u = 0.
            forces[j] -= basis.T @ (basis @ forces[j])
        beta = self.problem.beta
        rest = [-fits.T @ pull - beta * outputs, -self.problem.free.T @ pull]
        return np.concatenate([(forces - beta * neurons).ravel(), *rest])[: self.n_moving]

    def resolve(self, weights, sides, j, at):
        """Return the sides of neuron j, which is on the hyperplanes `at`, so that its velocity agrees with them.

        The velocity is ``d = b - sum_k g_k C_k n_k`` with g_k = 1 where n_k . d > 0, 0 where it is below, and between
        otherwise. Where all C_k > 0 it is the shortest of its kind, a least squares problem with bounds; hyperplanes
        with C_k < 0 repel, and there the side is that of the velocity.
        """
        _, outputs, _ = self.parts(weights)
        pull, _ = self.pull(weights, self.gates(sides))
        # With no gate open on the hyperplanes `at`, the rows on the side against the normal are on.
        column = sides[:, [j]].copy()
        column[at] = 0.0
        base = -outputs[j] * ((self.gates(column)[:, 0] * pull) @ self.problem.design)
        jumps = outputs[j] * self.jumps(pull)[at]
        columns = (jumps[:, None] * self.normals[at]).T
        gates, repels = np.nan_to_num(sides[at, j]), jumps <= 0
        for _ in range(MAX_ROUNDS):
            draws = np.flatnonzero(~repels)
            target = base - columns[:, repels] @ gates[repels]
            if draws.size:
                gates[draws] = _shortest(columns[:, draws], target)
            slopes = self.normals[at] @ (base - columns @ gates)
            wanted = np.where(slopes == 0, gates, slopes > 0)
            if np.array_equal(wanted[repels], gates[repels]):
                break
            gates[repels] = wanted[repels]
        slides = (gates > GATE_ROUNDING) & (gates < 1 - GATE_ROUNDING)
        return np.where(slides, np.nan, np.round(gates))

    def multipliers(self, weights, gates, j, at):
        """Gates of the sliding hyperplanes `at` of neuron j, below 0 or above 1 where it leaves."""
        _, outputs, _ = self.parts(weights)
        pull, _ = self.pull(weights, gates)
        against = np.isin(self.planes, at) & (self.signs < 0)
        base = -outputs[j] * (((gates[:, j] | against) * pull) @ self.problem.design)
        jumps = outputs[j] * self.jumps(pull)[at]
        return np.linalg.lstsq((jumps[:, None] * self.normals[at]).T, base, rcond=None)[0]


def follow(problem, start, n_moving, times, rtol, atol):
    """Yield the weights, of shape (n_weights,), at increasing times along the flow from `start`."""
    kinks, weights, now, n_events, n_steps = Kinks(problem, n_moving), start.copy(), 0.0, 0, 0
    sides, fixed = _sides_at(kinks, weights), start[n_moving:]
    waiting = list(times)
    while waiting and waiting[0] <= now:
        yield weights
        waiting.pop(0)
    while waiting:
        piece = _Piece(kinks, sides, fixed)
        solver = LSODA(piece.velocity, now, weights[:n_moving], times[-1], rtol=rtol, atol=atol)
        event = None
        while event is None and solver.status == "running":
            message = solver.step()
            n_steps += 1
            if solver.status == "failed" or n_steps > MAX_STEPS:
                raise SolverError(f"the gradient flow could not be followed beyond time {now:g}: {message}")
            dense, before = solver.dense_output(), solver.t_old
            event = piece.first_event(dense, before, solver.t)
            now = solver.t if event is None else event
            while waiting and waiting[0] <= now:
                yield piece.whole(dense(waiting.pop(0)))
        if event is None:
            return
        n_events += 1
        if n_events > MAX_EVENTS:
            raise SolverError(f"the gradient flow met {MAX_EVENTS} kinks before time {now:g}.")
        weights = piece.whole(dense(now))
        sides = piece.cross(weights)


class _Piece:
    """The flow between two events: the sides do not change."""

    def __init__(self, kinks, sides, fixed):
        self.kinks, self.sides, self.fixed = kinks, sides, fixed
        self.gates = kinks.gates(sides)
        self.sliding = {j: np.flatnonzero(np.isnan(sides[:, j])) for j in np.flatnonzero(np.isnan(sides).any(axis=0))}
        self.bases = {j: _basis(kinks.normals[at]) for j, at in self.sliding.items()}
        self.signs = np.where(np.isnan(sides), 0.0, 2 * sides - 1)

    def whole(self, moving):
        """All weights."""
        return np.append(moving, self.fixed)

    def velocity(self, _, moving):
        """The velocity of the moving weights."""
        return self.kinks.velocity(self.whole(moving), self.gates, self.bases)

    def violations(self, moving):
        """Where neurons are beyond a hyperplane, and which sliding neurons want to leave; two boolean arrays."""
        weights = self.whole(moving)
        neurons, _, _ = self.kinks.parts(weights)
        beyond = self.signs * (self.kinks.normals @ neurons.T) < -ON_PLANE * norms(neurons)
        leaves = {}
        for j, at in self.sliding.items():
            gates = self.kinks.multipliers(weights, self.gates, j, at)
            leaves[j] = (gates < -GATE_ROUNDING) | (gates > 1 + GATE_ROUNDING)
        return beyond, leaves

    def violated(self, moving):
        """Whether the piece has ended before these weights."""
        beyond, leaves = self.violations(moving)
        return beyond.any() or any(each.any() for each in leaves.values())

    def first_event(self, dense, start, end):
        """Return the time just after the first event of a step, or None."""
        if not self.violated(dense(end)):
            return None
        for _ in range(BISECTIONS):
            middle = 0.5 * (start + end)
            start, end = (start, middle) if self.violated(dense(middle)) else (middle, end)
        return end

    def cross(self, weights):
        """Return the sides after the event at `weights`, and put the neurons concerned on their hyperplanes."""
        beyond, leaves = self.violations(weights[: self.kinks.n_moving])
        neurons, _, _ = self.kinks.parts(weights)
        sides = self.sides.copy()
        for j in sorted(set(np.flatnonzero(beyond.any(axis=0))) | {j for j, each in leaves.items() if each.any()}):
            at = np.flatnonzero(beyond[:, j] | np.isnan(self.sides[:, j]))
            basis = _basis(self.kinks.normals[at])
            neurons[j] -= basis.T @ (basis @ neurons[j])
            sides[at, j] = self.kinks.resolve(weights, self.sides, j, at)
        return sides


def _planes_of(design, lengths):
    """Return (normals, plane of every row, its sign against the normal); rows of zeros have plane -1."""
    normals, planes, signs = [], np.full(len(design), -1), np.ones(len(design))
    for i in np.flatnonzero(lengths > 0):
        unit = design[i] / lengths[i]
        cosines = np.array(normals).reshape(-1, len(unit)) @ unit
        same = np.flatnonzero(np.abs(cosines) > 1 - PARALLEL)
        if same.size:
            planes[i], signs[i] = same[0], np.sign(cosines[same[0]])
        else:
            planes[i] = len(normals)
            normals.append(unit)
    return np.array(normals).reshape(-1, design.shape[1]), planes, signs


def _sides_at(kinks, weights):
    """Return the sides at the start; a neuron on hyperplanes takes the sides that its velocity asks for."""
    neurons, _, _ = kinks.parts(weights)
    distances = kinks.normals @ neurons.T
    near = np.abs(distances) <= ON_PLANE * norms(neurons)
    sides = np.where(distances > 0, 1.0, 0.0)
    sides[near] = 0.0
    for j in np.flatnonzero(near.any(axis=0)):
        at = np.flatnonzero(near[:, j])
        sides[at, j] = kinks.resolve(weights, sides, j, at)
    return sides


def _basis(normals):
    """Return an orthonormal basis of the span of the rows, as rows."""
    _, values, basis = np.linalg.svd(normals, full_matrices=False)
    return basis[values > PARALLEL]


def _shortest(columns, target):
    """Return gates in [0, 1] that minimise ``||target - columns gates||``."""
    return lsq_linear(columns, target, bounds=(0.0, 1.0), method="bvls", tol=1e-15).x
