"""Local searches: sub-networks of a large price, and descent of all weights of a network at once.

Both are L-BFGS on the weights from given starts. They find; they prove nothing.
"""

import numpy as np

from .._utils.norms import norms
from ..solvers._lbfgs import StoppableObjective, minimise, parts_of
from .climbing import climb_price
from .network import ThreeLayerReLU
from .subnetworks import part_of_layers

# A first ascent has at most 30 iterations, one from its best points 200, a descent 400.
FIRST_ASCENT_ITERATIONS, MAX_ASCENT_ITERATIONS, MAX_DESCENT_ITERATIONS = 30, 200, 400
# A search climbs from 12 random starts for either sign, and from every sub-network in use; 6 of them go on.
N_RANDOM_STARTS, N_LONG_ASCENTS = 12, 6
# A wide search, where that has found nothing, has 48 random starts for either sign, and 24 of all go on.
WIDE_FACTOR = 4
# Steps end when the value changes by less than 1e-12 of itself.
MIN_RELATIVE_CHANGE = 1e-12
# Empty places of a sub-network that is climbed from begin with 0.05 of the length of its neurons.
SPARE_NEURON_SHARE = 0.05


class NetworkObjective(StoppableObjective):
    """``1/2 ||y - f||^2 + beta/3 sum_k (||W_k||_F^3 + ||w_k||^3 + |a_k|^3)`` and its gradient, as one vector."""

    def __init__(self, X, y, beta, n_subnetworks, width, stop):
        super().__init__(stop)
        self.X, self.y, self.beta = X, y, beta
        self.shapes = [(n_subnetworks * width, X.shape[1]), (n_subnetworks, width), (1, n_subnetworks)]

    def layers(self, flat):
        """Return W (K, m, r), w (K, m) and a (K,) of a vector."""
        first, second, output = parts_of(flat, self.shapes)
        return first.reshape(*second.shape, -1), second, output[0]

    def __call__(self, flat):
        self.check_budget()
        first, second, output = self.layers(flat)
        before = (self.X @ first.reshape(-1, first.shape[2]).T).reshape(-1, *second.shape)
        hidden = np.maximum(before, 0.0)
        inner = np.sum(hidden * second, axis=2)
        values = np.maximum(inner, 0.0)
        residual = values @ output - self.y
        sizes = np.sqrt(np.sum(first**2, axis=(1, 2))), np.sqrt(np.sum(second**2, axis=1)), np.abs(output)
        value = 0.5 * float(residual @ residual) + self.beta / 3 * sum(float(np.sum(size**3)) for size in sizes)
        back = residual[:, None] * output * (inner > 0)
        slopes = ((before > 0) * (back[:, :, None] * second)).reshape(len(self.X), -1)
        gradient = [
            (slopes.T @ self.X).reshape(first.shape) + self.beta * sizes[0][:, None, None] * first,
            np.sum(back[:, :, None] * hidden, axis=0) + self.beta * sizes[1][:, None] * second,
            values.T @ residual + self.beta * sizes[2] * output,
        ]
        self.note(value, flat)
        return value, np.concatenate([part.ravel() for part in gradient])


def climb(X, nu, start, max_iterations):
    """Return the `Part` with a positive output that an ascent of ``nu^T f`` from `start` ends at, or None.

    Parameters
    ----------
    start : tuple of ndarrays of shape (m, r) and (m,)
    max_iterations : int
    """
    weights, width = np.concatenate([start[0].ravel(), start[1]]), len(start[1])
    climb_price(weights, X, nu, width, max_iterations)
    first, second = parts_of(weights, [(width, X.shape[1]), (1, width)])
    return part_of_layers(X, first, second[0], 1.0)


def find_parts(X, nu, parts, width, rng, stop, wide=False):
    """Return sub-networks of a large ``nu^T f``, the largest first, and their prices.

    Short ascents for both output signs begin at random and at some `Part`; the best go on to their maxima.
    """
    best, factor = [], WIDE_FACTOR if wide else 1
    for sign in (1.0, -1.0):
        starts = [random_layers(width, X.shape[1], rng) for _ in range(factor * N_RANDOM_STARTS)]
        starts += [layers_of(part, width, rng) for part in parts if part.output_sign == sign]
        reached = [climb(X, sign * nu, start, FIRST_ASCENT_ITERATIONS) for start in starts if not stop()]
        first, _ = _by_price([part.with_output(sign) for part in reached if part is not None], nu)
        for part in first[: factor * N_LONG_ASCENTS]:
            further = climb(X, sign * nu, layers_of(part, width, rng), MAX_ASCENT_ITERATIONS)
            best += [part] if further is None else [part, further.with_output(sign)]
    return _by_price(best, nu)


def _by_price(parts, nu):
    """Return parts sorted by ``nu^T f``, the largest first, and these values."""
    prices = np.array([nu @ part.fit for part in parts])
    order = np.argsort(-prices, kind="stable")
    return [parts[k] for k in order], prices[order]


def random_layers(width, r, rng):
    """Return a random start of an ascent: a first layer (m, r) and second-layer weights (m,) of one to m neurons."""
    first, second = rng.standard_normal((width, r)), rng.standard_normal(width)
    # Weights of zero can grow: the start has few neurons, what it ends at may have all.
    second[rng.integers(1, width + 1) :] = 0.0
    return first, second


def layers_of(part, width, rng):
    """Return a `Part` as a start of an ascent of `width` neurons or more, small random ones in the empty places."""
    roots = np.sqrt(norms(part.neurons))
    n_spare = max(width - len(roots), 0)
    size = SPARE_NEURON_SHARE * roots.max()
    first, second = rng.standard_normal((n_spare, part.neurons.shape[1])), rng.standard_normal(n_spare)
    return np.vstack([part.neurons / roots[:, None], size * first]), np.append(part.signs * roots, size * second)


def descend(unit, parts, masses, stop):
    """Return the parts that the network of some `Part` with these masses becomes when all weights descend together."""
    width = max(len(part.neurons) for part in parts)
    first, second = np.zeros((len(parts), width, unit.X.shape[1])), np.zeros((len(parts), width))
    for k, (part, mass) in enumerate(zip(parts, masses, strict=True)):
        first[k, : len(part.neurons)], second[k, : len(part.neurons)] = mass * part.neurons, part.signs
    start = ThreeLayerReLU(first, second, [part.output_sign for part in parts]).balanced()
    objective = NetworkObjective(unit.X, unit.y, unit.beta, len(parts), width, stop)
    layers = start.first_weights, start.second_weights, start.output_weights
    options = {"maxiter": MAX_DESCENT_ITERATIONS, "ftol": MIN_RELATIVE_CHANGE}
    minimise(objective, np.concatenate([layer.ravel() for layer in layers]), **options)
    moved = [
        part_of_layers(unit.X, first, second, np.sign(output) or 1.0)
        for first, second, output in zip(*objective.layers(objective.point), strict=True)
    ]
    return [part for part in moved if part is not None]
