"""The first network of long data with several outputs: Adam on batches of rows.

A full gradient of long data costs seconds, and a first network needs hundreds of them. Batches of a few hundred rows
point nearly the same way at a hundredth of the cost; full gradients and exact steps take over near the end.

References
----------
Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

import numpy as np

from .._utils.clock import now
from ..losses import orthonormal
from ._vector_coarse import loss_and_pulls

N_BATCH_NEURONS, ROWS_PER_BATCH = 100, 256
N_EPOCHS, MIN_BATCH_STEPS = 30, 1500  # passes over all rows, and more where they make fewer steps
BATCH_TIME_SHARE = 0.75  # of what is left until a deadline; full gradients have the rest
STEP = 3e-3  # in units of one: columns, fits and outputs of that size
MIN_STEP_SHARE = 0.01  # the step falls to 0.01 of its first length, along a cosine
SLOPE_MEMORY, SQUARE_MEMORY, MIN_ROOT = 0.9, 0.999, 1e-8  # of Adam


def descend_on_batches(problem, rng, *, deadline=None, spend=lambda work: False, work_of_a_row=0.0):
    """Return directions (K, n_inputs), outputs (K, n_outputs) and values of the free terms, near a local minimum.

    Parameters
    ----------
    problem : Problem
        With several outputs, in units of about one.
    rng : numpy.random.Generator
        Draws the first weights and the batches.
    deadline : Moment, optional
        The descent ends, and its steps become short, when most of the time until then is over.
    spend : callable
        Told the work of every batch; whether to stop.
    work_of_a_row : float
    """
    design = problem.design.astype(np.float32)
    columns = (orthonormal(problem.free) * np.sqrt(len(design))).astype(np.float32)
    weights, units = _first_weights(problem, design, columns, rng)
    adam, started = [(np.zeros_like(part), np.zeros_like(part)) for part in weights], now()
    n_batches = max(1, len(design) // ROWS_PER_BATCH)
    n_steps = max(N_EPOCHS * n_batches, MIN_BATCH_STEPS)
    for step in range(n_steps):
        if step % n_batches == 0:
            order = rng.permutation(len(design))
        share = max(step / n_steps, _time_share(started, deadline))
        rows = order[step % n_batches :: n_batches]
        if share >= 1.0 or spend(work_of_a_row * len(rows)):
            break
        part = design[rows], columns[rows], problem.y[rows], problem.weight[rows]
        _, pulls = loss_and_pulls(problem.loss.take(rows), *part, *weights)
        length = STEP * max(MIN_STEP_SHARE, 0.5 + 0.5 * np.cos(np.pi * share))
        penalties = problem.beta / len(design), problem.beta / len(design), 0.0
        for weight, pull, memory, unit, penalty in zip(weights, pulls, adam, units, penalties, strict=True):
            _move(weight, penalty * weight - pull / len(rows), memory, unit * length, step + 1)
    neurons, outputs, free = (weight.astype(float) for weight in weights)
    sizes = np.linalg.norm(neurons, axis=1)
    used = sizes * np.linalg.norm(outputs, axis=1) > 0.0
    directions, outputs = neurons[used] / sizes[used, None], outputs[used] * sizes[used, None]
    return directions, outputs, columns @ free


def _first_weights(problem, design, columns, rng):
    """Return neurons, outputs and free coefficients in single precision, and the size of a step in each."""
    size = float(np.sqrt(np.mean(design**2)))
    height = 1.0 if problem.loss.labels else float(np.sqrt(np.mean(problem.y**2)))
    shapes = (N_BATCH_NEURONS, design.shape[1]), (N_BATCH_NEURONS, problem.n_outputs)
    spreads = 1.0 / (size * np.sqrt(design.shape[1])), height / np.sqrt(N_BATCH_NEURONS)
    weights = [
        (spread * rng.standard_normal(shape)).astype(np.float32) for spread, shape in zip(spreads, shapes, strict=True)
    ]
    free = np.zeros((columns.shape[1], problem.n_outputs), np.float32)
    return [*weights, free], (1.0 / size, height, height)


def _time_share(started, deadline):
    """Return which part of the time until the deadline that batches may take is over."""
    if deadline is None:
        return 0.0
    whole = BATCH_TIME_SHARE * (deadline - started)
    return (now() - started) / whole if whole > 0.0 else 1.0


def _move(weight, slope, memory, length, step):
    """Make one step of Adam, in place."""
    mean, square = memory
    mean += (1.0 - SLOPE_MEMORY) * (slope - mean)
    square += (1.0 - SQUARE_MEMORY) * (slope * slope - square)
    root = np.sqrt(square / (1.0 - SQUARE_MEMORY**step)) + MIN_ROOT
    weight -= (length / (1.0 - SLOPE_MEMORY**step)) * mean / root
