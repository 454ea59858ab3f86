"""The first network of long data: Adam on batches of rows, from more neurons than are needed.

A full gradient of long data costs seconds, and a first network needs hundreds of them. Batches of a few hundred rows
point nearly the same way at a hundredth of the cost; full gradients and exact steps take over near the end. Networks
that start narrow and grow end in the minima of narrow networks. This one starts wide, and the penalty empties the
neurons that are not needed.

No step has to be tuned: columns are of size one in their `Coordinates`, targets in units of their own size, hidden and
output weights are balanced, and Adam takes steps of one length whatever the loss is.

References
----------
Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

import numpy as np

from .._utils.clock import now
from .._utils.kernels import compiled
from .._utils.row_blocks import gate, is_huge, shut
from .._utils.threads import slices
from ..losses import orthonormal
from ._coordinates import Coordinates, Moments

N_BATCH_NEURONS, ROWS_PER_BATCH = 64, 256
FIRST_STEPS, STAGE_GROWTH = 900, 4  # steps of the first stage; the next ones are so many times as long
MAX_STEPS_PER_ROOT_ROW = 20  # of the last stage: longer ones gain less than full gradients do
BATCH_SHARE = 0.75  # of what is left of the time or the work; full gradients have the rest
STEP, STEP_SHRINKAGE = 1.2e-2, 0.25  # in units of one: columns, fits and outputs of that size; of every stage
MIN_STEP_SHARE = 0.01  # the step falls to 0.01 of its first length, along a cosine
SLOPE_MEMORY, SQUARE_MEMORY, MIN_ROOT = 0.9, 0.999, 1e-12  # of Adam
TYPICAL_SQUARE = 0.25  # of an output weight, in units of one: how much the loss bends beside the penalty
STEPS_PER_PRUNING = 50  # after so many steps neurons are left out
MIN_BATCH_MASS_SHARE = 1e-5  # whose mass is less than this share of the largest: their weights turn denormal and slow
# Huge data are read in pieces of consecutive rows, as from a disk they should be; 61 random ones at a time are mixed.
PIECE_ENTRIES, MIXED_ENTRIES = 32_768, 2_000_000
MIN_SINGLE_SIZE, MAX_SINGLE_ENTRY = 1e-6, 1e12  # of a typical column, and of entries in units of it: single precision


class BatchDescent:
    """Adam on batches of the rows of a problem with one output or several.

    Parameters
    ----------
    problem : Problem
    rng : numpy.random.Generator
        Draws the first weights and the batches.
    n_neurons : int
        To start from.
    work_of_a_row : float
        Nanoseconds of a row in a step.
    max_work : float
        Most work of all steps; the steps are made fewer for it.
    deadline : Moment, optional

    Attributes
    ----------
    neurons, outputs, free : ndarrays of shape (K, n_inputs), (K, n_outputs) and (n_free, n_outputs)
        The weights at the moment, in single precision, of a problem in units of one.
    work : float
        What the steps so far have taken.
    """

    def __init__(self, problem, rng, *, n_neurons=N_BATCH_NEURONS, work_of_a_row=0.0, max_work=np.inf, deadline=None):
        self.problem, self.work_of_a_row, self.work, self.counted = problem, work_of_a_row, 0.0, 0.0
        n_samples, d = problem.design.shape
        self.targets = problem.dual_targets  # far from zero targets would lose their digits
        self.height = 1.0 if problem.loss.labels else _size_of(self.targets, problem.weight)
        moments = Moments.of(problem.design, problem.weight)
        # f = height sum_k a_k (x . u_k / size)_+ with the penalty beta / (size height n w) in the place of beta.
        self.size = moments.size
        self.beta = problem.beta / (self.size * self.height * problem.weight.sum())
        self.unit = n_samples / (self.height * problem.weight.sum())  # of the slopes of the loss
        damping = self.beta * self.size**2 / TYPICAL_SQUARE
        with np.errstate(over="ignore"):
            self.coordinates = Coordinates(moments, damping).astype(np.float32)
        self.columns = (orthonormal(problem.free) * np.sqrt(n_samples)).astype(np.float32)
        points = rng.standard_normal((n_neurons, d)) / np.sqrt(d)
        outputs = rng.standard_normal((n_neurons, problem.n_outputs))
        outputs /= np.linalg.norm(outputs, axis=1)[:, None]
        root = n_neurons**-0.25  # balanced, with masses of 1 / sqrt(K) each
        free = np.zeros((self.columns.shape[1], problem.n_outputs))
        self.weights = [part.astype(np.float32) for part in (root * points, root * outputs, free)]
        self.memories = [(np.zeros_like(part), np.zeros_like(part)) for part in self.weights]
        self.batches, self.n_steps = _batches(problem.design, rng), 0
        self.max_work, self.deadline, self.started = BATCH_SHARE * max_work, deadline, now()

    @property
    def has_digits(self):
        """Whether single precision holds the data: columns neither minute nor of entries beyond what it squares."""
        largest = float(np.abs(self.problem.design).max())
        return MIN_SINGLE_SIZE < self.size and largest < MAX_SINGLE_ENTRY * min(self.size, 1.0 / MIN_SINGLE_SIZE)

    def stages(self):
        """Make one stage of steps after the other, each longer and with shorter steps; yield after every one."""
        n_steps, step = FIRST_STEPS, STEP
        while True:
            self.run(n_steps, step)
            yield
            n_steps, step = STAGE_GROWTH * n_steps, STEP_SHRINKAGE * step
            most = MAX_STEPS_PER_ROOT_ROW * np.sqrt(len(self.problem.design))
            if n_steps > most or self._share_of_budget(self.work, now()) >= 1.0:
                break

    def run(self, n_steps, step=STEP):
        """Make so many steps, the first of length `step` and the last ones short, or fewer where a budget ends them.

        Where an interrupt ends them the weights are those of the last one.
        """
        work, started = self.work, now()
        for k in range(n_steps):
            share = max(k / n_steps, self._share_of_budget(work, started))
            if share >= 1.0:
                break
            rows, design = next(self.batches)
            self.work += self.work_of_a_row * len(rows)
            length = np.float32(step * max(MIN_STEP_SHARE, 0.5 + 0.5 * np.cos(np.pi * share)))
            slopes = self._slopes(rows, design)
            self.n_steps += 1
            for weight, slope, memory in zip(self.weights, slopes, self.memories, strict=True):
                _move(weight.ravel(), slope.ravel(), *(part.ravel() for part in memory), length, self.n_steps)
            if self.n_steps % STEPS_PER_PRUNING == 0:
                self._prune()

    def _share_of_budget(self, work, started):
        """Return how much of the budgets is spent of what was left of them at some work and moment."""
        share = 1.0
        if self.work < self.max_work:
            share = (self.work - work) / (self.max_work - work)
        if self.deadline is not None:
            whole = BATCH_SHARE * (self.deadline - self.started) - (started - self.started)
            share = max(share, (now() - started) / whole) if whole > 0.0 else 1.0
        return share

    def _slopes(self, rows, design):
        """Return the slopes of the objective on a batch, in points, outputs and coefficients of the free terms."""
        problem, (points, outputs, free) = self.problem, self.weights
        neurons, columns = self.coordinates.neurons(points), self.columns[rows]
        hidden = design @ neurons.T
        np.maximum(hidden, 0.0, out=hidden)
        fit = self.height * (hidden @ outputs + columns @ free).astype(np.float64)
        fit = fit.reshape((len(rows), *problem.y.shape[1:]))
        dual = problem.loss.take(rows).dual_point(self.targets[rows], fit, problem.weight[rows])
        dual = (self.unit / len(rows) * dual).reshape(len(rows), -1).astype(np.float32)
        second = np.float32(self.beta) * outputs - hidden.T @ dual
        if len(outputs.T) == 1:
            forces = hidden
            gate(forces, dual[:, 0], outputs[:, 0])
        else:
            forces = dual @ outputs.T
            shut(forces, hidden)
        first = np.float32(self.beta * self.size**2) * neurons - forces.T @ design
        return self.coordinates.slopes(first), second, -columns.T @ dual

    def take_work(self):
        """Return the work since the last call."""
        work, self.counted = self.work - self.counted, self.work
        return work

    def _prune(self):
        """Leave out neurons that have vanished."""
        points, outputs, _ = self.weights
        masses = np.linalg.norm(points, axis=1) * np.linalg.norm(outputs, axis=1)
        kept = masses > MIN_BATCH_MASS_SHARE * masses.max(initial=0.0)
        if not kept.all():
            self.weights = [points[kept], outputs[kept], self.weights[2]]
            self.memories = [tuple(part[kept] for part in memory) for memory in self.memories[:2]] + self.memories[2:]

    def network(self):
        """Return unit directions (K, n_inputs), outputs (K, n_outputs) and values of the free terms, in double."""
        points, outputs, free = self.weights
        neurons, outputs = self.coordinates.neurons(points).astype(float), self.height * outputs.astype(float)
        sizes = np.linalg.norm(neurons, axis=1)
        used = sizes * np.linalg.norm(outputs, axis=1) > 0.0
        directions = neurons[used] / sizes[used, None]
        free_fit = self.height * (self.columns @ free.astype(float))
        taken_off = self.problem.y - self.targets  # from the targets, beforehand
        free_fit = free_fit.reshape((len(free_fit), -1)) + taken_off.reshape((len(free_fit), -1))
        return directions, outputs[used] * sizes[used, None], free_fit


def _size_of(targets, weight):
    """Return the root of the weighted mean square of targets, one where that is zero."""
    squares = (targets**2).reshape(len(weight), -1).mean(axis=1)
    size = float(np.sqrt(weight @ squares / weight.sum()))
    return size if size > 0.0 else 1.0


def _batches(design, rng):
    """Yield index and rows, in single precision, of one random batch after the other, without end.

    No copy of huge data is made, and a memory map is read piece by piece: a group of random pieces is mixed at a time.
    """
    if not is_huge(design):
        rows = design.astype(np.float32)
        while True:
            yield from _mixed(np.arange(len(rows)), rows, rng)
    n_rows = max(1, PIECE_ENTRIES // design.shape[1])
    pieces = slices(len(design), n_rows)
    per_group = max(1, MIXED_ENTRIES // PIECE_ENTRIES)
    while True:
        order = rng.permutation(len(pieces))
        for first in range(0, len(order), per_group):
            group = [pieces[k] for k in order[first : first + per_group]]
            index = np.concatenate([np.arange(*piece) for piece in group])
            rows, end = np.empty((len(index), design.shape[1]), np.float32), 0
            for start, stop in group:
                rows[end : end + stop - start] = design[start:stop]
                end += stop - start
            yield from _mixed(index, rows, rng)


def _mixed(index, rows, rng):
    """Yield batches of nearly equal size, each row once."""
    order, n_batches = rng.permutation(len(index)), max(1, len(index) // ROWS_PER_BATCH)
    for k in range(n_batches):
        chosen = order[k::n_batches]
        yield index[chosen], rows[chosen]


@compiled(fastmath=True)
def _move(weight, slope, mean, square, length, step):
    """Make one step of Adam, in place."""
    one = np.float32(1.0)
    slow, slower = np.float32(SLOPE_MEMORY), np.float32(SQUARE_MEMORY)
    rise = length / np.float32(1.0 - SLOPE_MEMORY**step)
    spread = one / np.float32(1.0 - SQUARE_MEMORY**step)
    for i in range(weight.size):
        mean[i] += (one - slow) * (slope[i] - mean[i])
        square[i] += (one - slower) * (slope[i] * slope[i] - square[i])
        weight[i] -= rise * mean[i] / (np.sqrt(square[i] * spread) + np.float32(MIN_ROOT))
