"""Networks of limited width. The problem is no longer convex: local searches from many starts compete.

The starts are what is left of the wide optimum when light neurons are dropped, a few at a time; random parts of it;
random neurons; and a network grown neuron by neuron, where the price of what is left is largest. Then the best few
exchange their neurons, one at a time, for a direction of large price. Nothing here is proven but the network's value.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from .._utils.norms import nonzero, norms
from .._utils.validation import is_late
from ..duality.pricing import local_prices
from ..programs.units import is_trivial
from ._weights import descend_weights
from .base import build_network, build_zero_network, free_terms
from .column_generation import improve_network
from .path import Path
from .proximal_steps import with_best_masses
from .vector_run import build_vector_network

N_PATHS, STRENGTHS_PER_PATH = 40, 6  # paths of decreasing strengths, and how many of them each has
N_RANDOM_STARTS = 60  # random parts of the wide network, and as many networks of random neurons
N_KEPT_NETWORKS, MAX_EXCHANGES = 4, 8  # the best networks exchange neurons, so many times at most
MAX_CANDIDATES, PRICE_STARTS = 10, 32  # directions of the largest prices that are tried, and the starts of their search
MAX_EXACT_ROUNDS = 5  # Newton steps on the kinks and gradients in turn
MIN_STEP_GAIN, MIN_FINE_STEP_GAIN = 1e-4, 1e-9  # relative gain of a step by gradients that is the last, and at the end
MIN_BETTER_GAIN = 1e-9  # networks whose objectives differ by less are equal but for rounding
SPREADS = (0.1, 1e-2, 1e-3)  # smooth losses that stand for one with kinks have these spreads, over the mean residual


def narrow_network(problem, network, max_width, *, rng, deadline=None, n_jobs=None):
    """Return the best network of at most `max_width` neurons that local searches find.

    Parameters
    ----------
    problem : Problem
    network : TwoLayerReLU
        Wider; its neurons are among the starts.
    max_width : int
    rng : numpy.random.Generator
        Chooses the random parts.
    deadline : float, optional
        `clock.Moment` at which the best network so far is returned.
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    """
    options = max_width, rng, deadline, n_jobs
    if problem.loss.is_smooth:
        search = _Search(problem, *options)
        return search.exact(search.run(network))
    first, *others = _smoothed(problem)
    network = _Search(first, *options).run(network)
    for stage in others:
        network = _Search(stage, *options).descended_part(network, np.arange(network.width), tol=MIN_FINE_STEP_GAIN)
    return with_best_masses(problem, network, deadline)


def _smoothed(problem):
    """Return problems with smooth losses, ever closer to the loss with kinks."""
    nothing = np.zeros_like(problem.y)
    size = float(np.mean(np.abs(problem.y - problem.free @ problem.free_coefficients(nothing))))
    size = size if size > 0.0 else 1.0
    return [replace(problem, loss=problem.loss.smoothed(0.0, share * size)) for share in SPREADS]


def _outputs_of(network):
    """Return the output weights of the neurons at hidden weights of norm one, of the shape of `output_weights`."""
    outputs = network.output_weights
    sizes = np.abs(outputs) if outputs.ndim == 1 else norms(outputs)[:, None]
    masses = network.masses if outputs.ndim == 1 else network.masses[:, None]
    return outputs / nonzero(sizes) * masses


def _network_of(problem, directions, outputs):
    """Return the balanced network of unit directions and outputs, with the best free terms."""
    if outputs.ndim == 1:
        return build_network(problem, directions, np.sign(outputs), np.abs(outputs))
    return build_vector_network(problem, directions, outputs)


class _Search:
    """Local searches under the limit, on a smooth loss."""

    def __init__(self, problem, max_width, rng, deadline, n_jobs):
        self.problem, self.max_width, self.rng = problem, max_width, rng
        self.deadline, self.n_jobs = deadline, n_jobs

    def run(self, wide):
        """Return the best network under the limit."""
        # Many local searches: shrunk from the wide network, grown, along paths, from parts and from random neurons.
        networks = [self.shrunk(wide)]
        for start in self.starts(wide):
            if is_late(self.deadline):
                break
            networks.append(start())
        networks.sort(key=self.problem.objective)
        # The best few exchange neurons with violators; the best end is the answer.
        return min(map(self.exchanged_to_the_end, networks[:N_KEPT_NETWORKS]), key=self.problem.objective)

    def exchanged_to_the_end(self, network):
        """Exchange neurons as long as that is for the better."""
        for _ in range(MAX_EXCHANGES):
            found = self.exchanged(network)
            if found is network or is_late(self.deadline):
                return found
            network = found
        return network

    def starts(self, wide):
        """Yield functions that make networks under the limit."""
        yield self.grown
        if not self.problem.loss.is_stand_in and not is_trivial(self.problem):
            yield from [self.followed] * N_PATHS
        for _ in range(N_RANDOM_STARTS):
            yield lambda: self.part(wide)
            yield lambda: self.fresh(wide)

    def better(self, network, other):
        """Return the better of two networks, the first where they are equal but for rounding."""
        gain = self.problem.objective(network) - self.problem.objective(other)
        return other if gain > MIN_BETTER_GAIN * abs(self.problem.objective(network)) else network

    def descended(self, directions, outputs, tol=MIN_STEP_GAIN):
        """Return the best network of as many neurons that lies downhill of these."""
        problem = self.problem
        start = _network_of(problem, directions, outputs)
        free_fit = problem.free @ free_terms(start)
        stop = partial(is_late, self.deadline)
        directions, moved = descend_weights(
            problem, directions, outputs.reshape(len(outputs), -1), free_fit, tol=tol, stop=stop
        )
        moved = _network_of(problem, directions, moved.reshape(-1, *problem.y.shape[1:]))
        return min(start, moved, key=problem.objective)

    def exact(self, network):
        """Return the network on the kinks, where gradients do not end, if that is possible under the limit."""
        for _ in range(MAX_EXACT_ROUNDS):
            before = network
            found = improve_network(self.problem, network)
            if found.width <= self.max_width:
                network = self.better(network, found)
            network = self.better(network, self.descended_part(network, np.arange(network.width)))
            if network is before:
                break
        return network

    def descended_part(self, network, chosen, tol=MIN_STEP_GAIN):
        """Return the descended network of some of the neurons, which move to make up for the others."""
        return self.descended(network.directions[chosen], _outputs_of(network)[chosen], tol)

    def shrunk(self, network):
        """Drop the lightest neurons, a quarter at a time."""
        while network.width > self.max_width:
            keep = max(self.max_width, network.width - max(1, network.width // 4))
            network = self.descended_part(network, np.argsort(-network.masses, kind="stable")[:keep])
        return network

    def part(self, wide):
        """Keep neurons drawn by their masses."""
        shares = wide.masses / wide.masses.sum()
        size = min(self.max_width, int(np.count_nonzero(shares)))
        return self.descended_part(wide, self.rng.choice(wide.width, size, replace=False, p=shares))

    def fresh(self, wide):
        """Start from random neurons of the wide network's mean mass."""
        directions = self.rng.standard_normal((self.max_width, wide.directions.shape[1]))
        mass = wide.masses.sum() / self.max_width
        return self.descended(directions / norms(directions)[:, None], mass * self._random_outputs())

    def _random_outputs(self):
        """Return output weights of norm one: signs where there is one output."""
        if self.problem.y.ndim == 1:
            return self.rng.choice([-1.0, 1.0], self.max_width)
        outputs = self.rng.standard_normal((self.max_width, self.problem.y.shape[1]))
        return outputs / norms(outputs)[:, None]

    def violators(self, network):
        """Return the directions of the largest prices beside a network, and their best outputs of norm one."""
        nu = self.problem.dual_point(self.problem.hidden_fit(network.neurons, network.output_weights))
        options = {"n_starts": PRICE_STARTS, "deadline": self.deadline, "n_jobs": self.n_jobs}
        directions, signs, _ = local_prices(*self.problem.priced(nu), starts=network.directions, **options)
        directions, outputs = directions[:MAX_CANDIDATES], signs[:MAX_CANDIDATES]
        if nu.ndim == 2:
            pulls = self.problem.hidden_fits(directions).T @ nu
            outputs = pulls / nonzero(norms(pulls))[:, None]
        return directions, outputs

    def joined(self, network, direction, output):
        """Return the descended network with one more neuron, of the mass of the lightest or a small one."""
        mass = network.masses[network.masses > 0].min(initial=1.0)
        directions = np.vstack([network.directions, direction])
        return self.descended(directions, np.concatenate([_outputs_of(network), [mass * output]]))

    def grown(self):
        """Add the neuron of largest price, one at a time."""
        network = build_zero_network(self.problem)
        for _ in range(self.max_width):
            tried = [self.joined(network, *found) for found in zip(*self.violators(network), strict=True)]
            if not tried or is_late(self.deadline):
                break
            network = min([network, *tried], key=self.problem.objective)
        return network

    def followed(self):
        """Return the descended network of a path of decreasing strengths under the limit."""
        path = Path(self.problem, self.rng, self.max_width)
        for beta in np.geomspace(max(path.price, self.problem.beta), self.problem.beta, STRENGTHS_PER_PATH):
            point = path.follow(beta)
        network = point.network(self.problem)
        return self.descended_part(network, np.arange(network.width)) if network.width else network

    def exchanged(self, network):
        """Return a better network with one neuron exchanged, or the network itself."""
        best = network
        for direction, output in zip(*self.violators(network), strict=True):
            if is_late(self.deadline):
                break
            # Either one neuron more and the lightest less, or one neuron in the place of each.
            best = self.better(best, self.shrunk(self.joined(network, direction, output)))
            for k in range(network.width):
                if is_late(self.deadline):
                    break
                directions, outputs = network.directions.copy(), _outputs_of(network)
                directions[k], outputs[k] = direction, network.masses[k] * output
                best = self.better(best, self.descended(directions, outputs))
        return best
