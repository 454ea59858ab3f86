"""Train where the hidden bias costs nothing: column generation on directions ``(w, b)`` with unit weights.

The exact price (see `duality.free_bias`) names new neurons; the best masses for all of them are a lasso. On one input
that is all: only neurons with a data point on their kink are needed. On several, Newton steps move the neurons too, on
the problem with X in units of 1e4 times its radius: the bias is penalised there, next to nothing. That only proposes
neurons. Objective, dual point and certificate are those of the problem as it is posed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from .._utils.clock import now
from .._utils.norms import norms
from .._utils.threads import one_blas_thread
from .._utils.validation import is_late
from ..duality.certificate import certify_problem
from ..duality.cuts import best_dual_point
from ..duality.free_bias import problem_local_prices
from ..masses.lasso import best_masses
from ..network import TwoLayerReLU
from ..programs.problem import Problem
from .base import Status, assemble, conclude, hand_over, make_record, proof_options
from .column_generation import MAX_EXCESS_PER_TOL, MAX_ITER, MIN_GAIN, improve_network

# X in units of 1e4 times the radius of the data: a bias then costs at most 5e-9 of its neuron.
UNIT_OVER_RADIUS = 1e4
# Most violators that join in a round.
MAX_NEW_NEURONS = 64
# Where the loss has kinks, directions join from 1 - 1e-6 of the level on: those of an optimal dual point reach it.
NEAR_LEVEL = 1e-6
# Quadratic models of a loss: at most 100, with at least 1e-6 of the largest curvature on every row.
MAX_MODELS, MODEL_DAMPING = 100, 1e-6
# The way to the best masses of a model is halved at most 40 times.
MAX_HALVINGS = 40
# A loss with kinks has many dual points, each from a linear program: so many in a row may lead nowhere.
MAX_IDLE_PROGRAMS = 5
# A search may take a quarter of the time that is left: it names neurons from a part of the rows too.
SEARCH_TIME_SHARE = 0.25
# Random ascents of a search, for either sign.
N_SEARCH_STARTS = 32


@dataclass(frozen=True)
class Neurons:
    """Neurons of a problem with a free bias: what they cost is the sum of their masses times beta.

    Attributes
    ----------
    directions : ndarray of shape (K, n_features + 1)
        Unit weights, and the bias last.
    signs, masses : ndarray of shape (K,)
    """

    directions: np.ndarray
    signs: np.ndarray
    masses: np.ndarray

    @classmethod
    def of(cls, network, problem):
        """Return the neurons of a network that are not constant, balanced."""
        sizes = norms(network.hidden_weights)
        used = (sizes > 0) & (network.output_weights != 0)
        masses = sizes[used] * np.abs(network.output_weights[used])
        return cls(problem.unit_neurons(network.neurons)[used], np.sign(network.output_weights[used]), masses)

    def join(self, directions, signs):
        """Return these neurons and others, without mass."""
        return Neurons(
            np.vstack([self.directions, directions]),
            np.append(self.signs, signs),
            np.append(self.masses, np.zeros(len(signs))),
        )

    def used(self):
        """Return the neurons that have a mass, the largest first."""
        order = np.argsort(-self.masses, kind="stable")
        order = order[self.masses[order] > 0]
        return Neurons(self.directions[order], self.signs[order], self.masses[order])

    def hidden_fit(self, problem):
        """Return the values of the hidden layer on the rows of the problem."""
        return problem.hidden_fit(self.directions, self.signs * self.masses)

    def network(self, problem):
        """Return the balanced network, ``||w|| = |alpha|``, with the free terms that fit best."""
        roots = np.sqrt(self.masses)
        neurons, outputs = roots[:, None] * self.directions, self.signs * roots
        return assemble(problem, neurons, outputs, problem.free_coefficients(problem.hidden_fit(neurons, outputs)))


def solve_free_bias(
    problem, *, tol=1e-6, max_iter=MAX_ITER, deadline=None, proof="auto", n_jobs=None, start=None, report=None
):
    """Train a network on a `FreeBiasProblem` and prove what it is worth; see `solve_column_generation`."""
    with one_blas_thread():
        return _Training(problem, tol, max_iter, deadline, proof, n_jobs, report).solve(start)


class _Training:
    """The best neurons so far, the gap that searches see, and the rounds."""

    def __init__(self, problem, tol, max_iter, deadline, proof, n_jobs, report):
        self.problem, self.tol, self.max_iter, self.deadline = problem, tol, max_iter, deadline
        self.proof, self.n_jobs, self.report = proof, n_jobs, report
        none = np.zeros((0, problem.design.shape[1])), np.zeros(0), np.zeros(0)
        # The dual value as far as the last whole search has seen, and the gap that it leaves.
        self.neurons, self.dual, self.visible, self.history = Neurons(*none), 0.0, 1.0, []
        self.network = self.neurons.network(problem)
        self.objective, self.nu = problem.objective(self.network), None

    def solve(self, start):
        """Train and prove; return the `Solution`."""
        self.started, certificate = now(), None
        try:
            if start is not None:
                self.offer(refitted(self.problem, Neurons.of(start, self.problem)))
            status, certificate = self.train()
        except KeyboardInterrupt:
            status, self.deadline = Status.interrupted, now()
        certificate = self.certified(status) if certificate is None else certificate
        ended = {"tol": self.tol, "n_iter": len(self.history), "history": self.history, "visible_gap": self.visible}
        return conclude(self.network, certificate, status, **ended)

    def train(self):
        """Alternate pricing and improving; return how that ended, and the certificate where a proof was the end."""
        excess, n_idle = MAX_EXCESS_PER_TOL * self.tol, 0
        for _ in range(self.max_iter):
            # Search: which directions violate the dual constraint, and what gap that leaves.
            directions, signs = self.search(excess)
            self.record()
            if is_late(self.deadline):
                return Status.time_limit, None
            # None, or a gap that is small: prove, and go on with what the proof has met.
            if len(directions) == 0 or self.visible <= excess:
                certificate = self.certified()
                found = certificate.price
                above = (found.local_values > self.problem.beta * (1.0 + excess)) & self.problem.loss.is_smooth
                directions, signs = found.local_directions[above], found.local_signs[above]
                if certificate.relative_gap <= self.tol or len(directions) == 0:
                    return Status.converged, certificate
            # Improve: the best masses of old and new neurons, and on several inputs their best places.
            before = self.objective
            self.improve(directions[:MAX_NEW_NEURONS], signs[:MAX_NEW_NEURONS])
            n_idle = n_idle + 1 if before - self.objective <= MIN_GAIN * before else 0
            if n_idle > (0 if self.problem.loss.is_smooth else MAX_IDLE_PROGRAMS):
                return Status.stalled, None
        return Status.max_iter, None

    def search(self, excess):
        """Return the directions and signs of large price, and note the gap that the largest price leaves."""
        problem, neurons = self.problem, self.neurons
        if problem.loss.is_smooth:
            level = problem.beta * (1.0 + excess)
            self.nu = problem.dual_point(neurons.hidden_fit(problem))
        else:
            level = problem.beta * (1.0 - NEAR_LEVEL)
            limits = {"deadline": self.deadline, "n_jobs": self.n_jobs}
            self.nu = best_dual_point(problem, neurons.directions, neurons.signs, **limits)
        early = None if self.deadline is None else now() + SEARCH_TIME_SHARE * max(0.0, self.deadline - now())
        found = self.search_until(early, level)
        if len(found[0]) == 0 and is_late(early):
            found = self.search_until(self.deadline, level)
        return found

    def search_until(self, deadline, level):
        """Return the directions and signs with a price above a level, and note the gap if there was time to see it."""
        problem, options = self.problem, {"n_starts": N_SEARCH_STARTS, "n_jobs": self.n_jobs}
        options |= {"starts": self.neurons.directions, "deadline": deadline}
        directions, signs, values = problem_local_prices(problem, self.nu, **options)
        # As far as searches see: what rounding leaves of the dual point along the free terms is for the certificate.
        if not is_late(deadline):
            self.dual, _ = problem.dual_bound(self.nu, values.max(initial=0.0))
        self.visible = max(0.0, 1.0 - self.dual / self.objective) if self.objective > 0.0 else 0.0
        above = values > level
        return directions[above], signs[above]

    def improve(self, directions, signs):
        """Take in new neurons and find the best masses, and the best places, of all."""
        wider = refitted(self.problem, self.neurons.join(directions, signs))
        self.offer(wider)
        may_move = self.problem.features.shape[1] > 1 and self.problem.loss.is_smooth and len(wider.masses) > 0
        if may_move and not is_late(self.deadline):
            self.offer(refitted(self.problem, moved(self.problem, wider)))

    def offer(self, neurons):
        """Keep neurons if they are the best so far."""
        network = neurons.network(self.problem)
        objective = self.problem.objective(network)
        if objective < self.objective:
            self.neurons, self.network, self.objective = neurons, network, objective

    def record(self):
        """Add to the history where the training is."""
        self.history.append(make_record(self.started, self.objective, self.visible, self.network.width))
        hand_over(self.report, self.history[-1], lambda: self.network)

    def certified(self, status=None):
        """Return the certificate of the network so far."""
        options = proof_options(self.tol, self.proof, self.deadline, self.n_jobs, status)
        points = [] if self.problem.loss.is_smooth or self.nu is None else [self.nu]
        return certify_problem(self.network, self.problem, dual_points=points, refit=False, **options)


def refitted(problem, neurons):
    """Return the neurons with their best masses, those of mass zero left out."""
    if len(neurons.masses) == 0:
        return neurons
    fits = neurons.signs * problem.hidden_fits(neurons.directions)
    if problem.loss.is_smooth:
        masses = _smooth_masses(problem, fits, neurons.masses)
    else:
        found = problem.loss.fit_masses(problem.y, fits, problem.free, problem.weight, problem.beta, None)
        masses = neurons.masses if found is None else np.maximum(found[0], 0.0)
    return replace(neurons, masses=masses).used()


def _smooth_masses(problem, fits, masses):
    """Minimise ``L(fits c + Z b) + beta sum(c)`` over b and ``c >= 0``, by quadratic models of the loss."""

    def value(masses):
        hidden = fits @ masses
        fit = hidden + problem.free_fit(hidden)
        return problem.loss.value(problem.y, fit, problem.weight) + problem.beta * float(masses.sum())

    lowest = value(masses)
    for _ in range(1 if problem.loss.is_quadratic else MAX_MODELS):
        # The best masses of the model, then the best point on the way there; the objective is convex on it.
        wanted, share = _model_masses(problem.model(fits @ masses, MODEL_DAMPING), fits, masses), 1.0
        reached = value(wanted)
        while not reached < lowest and share > 0.5**MAX_HALVINGS:
            share *= 0.5
            reached = value(masses + share * (wanted - masses))
        if not reached < lowest:
            break
        masses, gain, lowest = masses + share * (wanted - masses), lowest - reached, reached
        if gain <= MIN_GAIN * lowest:
            break
    return masses


def _model_masses(model, fits, start):
    """Return the best masses of a problem with the squared loss."""
    root = np.sqrt(model.weight)
    columns = model.project(root[:, None] * fits)
    target = model.project(root * model.centred)
    size = max(np.abs(columns).max(initial=0.0), np.finfo(float).tiny)
    return best_masses(columns / size, target, model.beta / size, start * size) / size


def moved(problem, neurons):
    """Return neurons after Newton steps, where the bias costs next to nothing."""
    features = problem.features.astype(np.float64, copy=False)
    centre = features.mean(axis=0)
    unit = UNIT_OVER_RADIUS * norms(features - centre).max()
    if unit == 0.0:
        return neurons
    flat = _flattened(problem, (features - centre) / unit, problem.beta / unit)
    # x . w + b = ((x - centre) / unit) . (unit w) + (b + centre . w)
    roots = np.sqrt(neurons.masses)[:, None]
    weights, biases = neurons.directions[:, :-1], neurons.directions[:, -1]
    start = roots * np.column_stack([unit * weights, biases + weights @ centre])
    outputs = neurons.signs * roots[:, 0]
    free = flat.free_coefficients(flat.hidden_fit(start, outputs))
    network = improve_network(flat, assemble(flat, start, outputs, free))
    weights = network.hidden_weights / unit
    back = TwoLayerReLU(weights, network.output_weights, hidden_bias=network.hidden_bias - weights @ centre)
    return Neurons.of(back, problem)


def _flattened(problem, features, beta):
    """Return the problem of other features with a penalised bias."""
    ones = np.ones((len(features), 1))
    free = np.hstack(([features] if problem.skip_connection else []) + [ones])
    options = {field.name: getattr(problem, field.name) for field in fields(Problem)}
    return Problem(**options | {"design": np.hstack([features, ones]), "free": free, "beta": beta})
