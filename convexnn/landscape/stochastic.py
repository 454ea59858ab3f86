"""Minibatch stochastic gradient descent from given networks: runs that share a start and differ in their samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Seed
from .._utils.validation import check_count, check_positive
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._weight_space import common_space
from ._weights import check_not_negative, pose_at
from .descent import spawn


def stochastic_descent(
    start: TwoLayerReLU | Sequence[TwoLayerReLU],
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    learning_rate: float,
    n_epochs: int,
    batch_size: int = 32,
    momentum: float = 0.0,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    random_state: Seed = None,
) -> tuple[TwoLayerReLU, ...]:
    """Train given networks by stochastic gradient descent on minibatches, every one on batches of its own.

    A step is ``w <- w - learning_rate v``, ``v <- momentum v + g``, where g is the gradient of the objective divided by
    the sum of the sample weights, its loss taken over one batch of B rows and multiplied by n / B. Every epoch passes
    once over the rows, in an order of its own. Two copies of one network, continued by two calls or two entries of
    `start`, are the forks of one run: what is between their ends is the noise of the samples (`loss_barrier`,
    `error_barrier`). [1]_

    Parameters
    ----------
    start : TwoLayerReLU, or sequence of them
        Where the runs start; of one width and the same terms, with one output. The terms of the network, its intercept
        and skip weights without penalty, are trained with it.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        Weight decay, 0 allowed.
    learning_rate : float
        The step, used as it is.
    n_epochs : int
        Passes over the rows; 0 returns the start.
    batch_size : int
        Rows of a step; the last batch of an epoch may have fewer.
    momentum : float
        Between 0 and 1, 1 excluded.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "logistic", "squared_hinge"}
        The smooth ones.
    huber_delta : float
    random_state : int, numpy Generator, SeedSequence or None
        Source of the orders of the rows: every run has its own child, an int makes the answer reproducible.

    Returns
    -------
    tuple of TwoLayerReLU
        The ends of the runs, in the order of `start`.

    Raises
    ------
    ValueError
        For bad input, and when a run leaves the range of float64: the learning rate is too large.

    References
    ----------
    .. [1] J. Frankle, G. K. Dziugaite, D. M. Roy, M. Carbin, "Linear mode connectivity and the lottery ticket
       hypothesis", ICML 2020, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import stochastic_descent
    >>> start = TwoLayerReLU([[1.0], [-1.0]], [0.5, 0.5])
    >>> X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [2, 1, 1, 2]
    >>> end, = stochastic_descent(start, X, y, 0, learning_rate=0.1, n_epochs=100, batch_size=1, random_state=0)
    >>> end.predict(X).round(6)
    array([2., 1., 1., 2.])
    """
    networks = (start,) if isinstance(start, TwoLayerReLU) else tuple(start)
    if not networks:
        raise InvalidInputError("start must hold one network or more; got none.")
    problem = pose_at(networks[0], X, y, beta, sample_weight=sample_weight, loss=loss, huber_delta=huber_delta)
    if not problem.loss.is_smooth:
        raise InvalidInputError(f"loss must be smooth for a descent by its gradient; got {problem.loss.name!r}.")
    space = common_space(problem, networks, [f"start[{k}]" for k in range(len(networks))])
    points = np.stack([space.point(network) for network in networks])
    momentum = check_not_negative(momentum, "momentum")
    if momentum >= 1.0:
        raise InvalidInputError(f"momentum must be below 1; got {momentum:g}.")
    step, n_epochs = check_positive(learning_rate, "learning_rate"), check_count(n_epochs, "n_epochs", minimum=0)
    batch_size = min(check_count(batch_size, "batch_size"), len(problem.y))
    rngs = spawn(random_state)(len(networks))
    velocities = np.zeros_like(points)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(n_epochs):
            orders = np.stack([rng.permutation(len(problem.y)) for rng in rngs])
            for at in range(0, len(problem.y), batch_size):
                velocities = momentum * velocities + _slopes(space, points, orders[:, at : at + batch_size])
                points = points - step * velocities
    lost = np.flatnonzero(~np.all(np.isfinite(points), axis=1))
    if len(lost):
        raise InvalidInputError(
            f"learning_rate must be smaller: with {step:g}, {len(lost)} of {len(networks)} runs left float64."
        )
    return tuple(space.network(point) for point in points)


def _slopes(space, points, rows):
    """Return the estimated gradient of the mean objective at every point, from its own rows (n_points, B)."""
    problem = space.problem
    neurons, outputs, free = space.parts(points)
    design, free_rows = problem.design[rows], problem.free[rows]
    activations = np.maximum(design @ neurons.transpose(0, 2, 1), 0.0)  # (n_points, B, width)
    fits = (activations @ outputs[:, :, None] + free_rows @ free[:, :, None])[:, :, 0]
    share = len(problem.y) / (rows.shape[1] * problem.weight.sum())
    pull = -share * problem.weight[rows] * problem.loss.slopes(problem.y[rows], fits)
    gated = (activations > 0.0) * pull[:, :, None]
    gradient = np.zeros_like(points)
    to_neurons, to_outputs, to_free = space.parts(gradient)
    to_neurons[:] = outputs[:, :, None] * (gated.transpose(0, 2, 1) @ design)
    to_outputs[:] = (pull[:, None, :] @ activations)[:, 0]
    to_free[:] = (pull[:, None, :] @ free_rows)[:, 0]
    gradient[:, : space.n_weights] += problem.beta / problem.weight.sum() * points[:, : space.n_weights]
    return gradient
