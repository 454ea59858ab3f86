"""Compiled gradient descent on plain arrays, without the interpreter lock; nothing is allocated inside the loop.

Conventions
-----------
data : ``(rows, target, free, beta)``. `rows` (n_inputs, n_samples) and `free` (n_free, n_samples) are transposed, so
    that the innermost loops run over the samples and become vector instructions; the roots of the weights are
    multiplied into them and into `target`.
point : (n_parameters,), for every neuron u_j and then alpha_j, and last the n_free free terms.
work : ``(preactivations, residual, gated)``, scratch of shapes (width, n_samples), (n_samples,) and (n_samples,).
The objective is ``1/2 ||sum_j alpha_j (rows^T u_j)_+ + free^T terms - target||^2 + beta/2 sum_j (||u_j||^2 +
alpha_j^2)``.
"""

import numpy as np

from .._utils.kernels import compiled

# The first window has 50 steps.
FIRST_WINDOW_STEPS = 50
# A window that is undone is followed by one with 1.2 times as many steps of half the size; after a window that is
# kept, steps grow by 1.5.
WINDOW_GROWTH, STEP_SHRINKAGE, STEP_GROWTH = 1.2, 0.5, 1.5
# Convergence is tested after every 5 windows that were kept.
WINDOWS_PER_CHECK = 5
# A gradient below 1e-3 of its unit is small: the run is perturbed there.
SMALL_GRADIENT = 1e-3

_compiled = compiled(fastmath={"reassoc", "contract"})


@_compiled
def _dot(a, b):
    """Inner product."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@_compiled
def _copy(source, target):
    """``target = source``, by hand: assigning slices costs seconds of compilation."""
    for i in range(target.size):
        target[i] = source[i]


@_compiled
def _add_scaled(target, factor, vector):
    """``target += factor * vector``, in place."""
    for i in range(target.size):
        target[i] += factor * vector[i]


@_compiled
def _add_rectified(target, factor, vector):
    """``target += factor * vector_+``, in place."""
    for i in range(target.size):
        target[i] += factor * max(vector[i], 0.0)


@_compiled
def _gate(preactivation, residual, gated):
    """``gated = residual`` where the neuron is on, else 0; a neuron at its kink is off."""
    for i in range(residual.size):
        gated[i] = residual[i] if preactivation[i] > 0.0 else 0.0


@compiled
def _neurons_of(point, width, n_inputs):
    """View of the neurons in `point`, of shape (width, n_inputs + 1)."""
    return point[: width * (n_inputs + 1)].reshape(width, n_inputs + 1)


@compiled
def _objective(data, point, work):
    """Return the objective; leave the preactivations and the residual, the fit less the target, in `work`."""
    rows, target, free, beta = data
    preactivations, residual, _ = work
    width, n_inputs = preactivations.shape[0], rows.shape[0]
    neurons, terms = _neurons_of(point, width, n_inputs), point[width * (n_inputs + 1) :]
    for i in range(residual.size):
        residual[i] = -target[i]
    for j in range(width):
        preactivations[j, :] = 0.0
        for k in range(n_inputs):
            _add_scaled(preactivations[j], neurons[j, k], rows[k])
        _add_rectified(residual, neurons[j, n_inputs], preactivations[j])
    for k in range(terms.size):
        _add_scaled(residual, terms[k], free[k])
    penalised = point[: width * (n_inputs + 1)]
    return 0.5 * _dot(residual, residual) + 0.5 * beta * _dot(penalised, penalised)


@compiled
def _gradient(data, point, work, gradient):
    """Fill the gradient at `point`, where `_objective` was evaluated last."""
    rows, _, free, beta = data
    preactivations, residual, gated = work
    width, n_inputs = preactivations.shape[0], rows.shape[0]
    neurons, slopes = _neurons_of(point, width, n_inputs), _neurons_of(gradient, width, n_inputs)
    for j in range(width):
        _gate(preactivations[j], residual, gated)
        slopes[j, n_inputs] = beta * neurons[j, n_inputs]
        for k in range(n_inputs):
            pull = _dot(rows[k], gated)
            # With p = X' (residual where on): dF/du_j = alpha_j p + beta u_j and dF/dalpha_j = u_j . p + beta alpha_j.
            slopes[j, k] = neurons[j, n_inputs] * pull + beta * neurons[j, k]
            slopes[j, n_inputs] += neurons[j, k] * pull
    for k in range(free.shape[0]):
        gradient[width * (n_inputs + 1) + k] = _dot(free[k], residual)


@compiled
def _jitter(gradient, level, rng):
    """Add independent Gaussian noise of standard deviation `level`, in place."""
    for i in range(gradient.size):
        gradient[i] += level * rng.standard_normal()


@compiled
def _perturb(point, radius, scratch, rng):
    """Move `point`, in place, by a vector drawn uniformly from the ball of that radius."""
    for i in range(point.size):
        scratch[i] = rng.standard_normal()
    length = np.sqrt(_dot(scratch, scratch))
    _add_scaled(point, radius * rng.random() ** (1.0 / point.size) / length, scratch)


@compiled
def _walk(data, point, n_steps, step, work, gradient, mean, level, rng):
    """Make `n_steps` steps from `point`, in place; fill `mean` with the mean of the second half of them."""
    mean[:] = 0.0
    half = n_steps // 2
    for k in range(n_steps):
        _objective(data, point, work)
        _gradient(data, point, work, gradient)
        if level > 0.0:
            _jitter(gradient, level, rng)
        _add_scaled(point, -step, gradient)
        if k >= half:
            _add_scaled(mean, 1.0 / (n_steps - half), point)


@compiled
def _walk_recorded(data, point, n_steps, step, work, gradient, mean, level, rng, trace, n_iter):
    """Make `n_steps` steps from `point`, in place, and record it whenever the number of steps is a multiple."""
    every, done = trace[0], 0
    while done < n_steps:
        piece = min(every - (n_iter + done) % every, n_steps - done)
        _walk(data, point, piece, step, work, gradient, mean, level, rng)
        done += piece
        if (n_iter + done) % every == 0:
            _record(trace, n_iter + done, point)


@compiled
def _record(trace, n_iter, point):
    """Append a point to the trace."""
    _, steps, points, count = trace
    steps[count[0]] = n_iter
    _copy(point, points[count[0]])
    count[0] += 1


@compiled
def _steps_since(trace, n_iter):
    """Number of steps since the last record."""
    return n_iter - trace[1][trace[3][0] - 1]


@compiled
def _descend(data, point, step, adaptive, n_iter, max_iter, tol, work, vectors, disturbance, rng, trace):
    """Descend from `point`, in place; return (number of steps, `n_iter` included, converged)."""
    gradient, moved, mean = vectors
    every, _, _, n_recorded = trace
    level, radius, unit = disturbance
    value = _objective(data, point, work)
    _gradient(data, point, work, gradient)
    square = _dot(gradient, gradient)
    if radius > 0.0 and square <= (SMALL_GRADIENT * unit) ** 2:
        _perturb(point, radius, mean, rng)
        value = _objective(data, point, work)
    if adaptive:
        # At a saddle the gradient does not tell the step; its unit does.
        if level > 0.0 or radius > 0.0:
            square = max(square, unit**2)
        if square == 0.0:
            return n_iter, True
        # Polyak's step for a smallest value of 0, f / ||grad f||^2: it has the right size whatever that of the weights.
        step = value / square
    before, window, n_kept = value, FIRST_WINDOW_STEPS, 0
    while n_iter < max_iter:
        # Walk a window of steps of one size from a copy of the point.
        n_steps = min(window, max_iter - n_iter)
        _copy(point, moved)
        n_kept_records = n_recorded[0]
        if every > 0 and not adaptive:
            _walk_recorded(data, moved, n_steps, step, work, gradient, mean, level, rng, trace, n_iter)
        else:
            _walk(data, moved, n_steps, step, work, gradient, mean, level, rng)
        n_iter += n_steps
        moved_value = _objective(data, moved, work)
        if adaptive:
            # Steps jump across kinks: the mean of the second half of the window may be lower than its end.
            mean_value = _objective(data, mean, work)
            if not moved_value <= mean_value:
                _copy(mean, moved)
                moved_value = mean_value
        # A window that ends higher is undone, and the next has more and smaller steps.
        if adaptive and not moved_value <= value:
            step, window = STEP_SHRINKAGE * step, int(WINDOW_GROWTH * window)
            continue
        # With a fixed step that diverges, the last window before counts, and its records go too.
        if not np.isfinite(moved_value):
            n_recorded[0] = n_kept_records
            return n_iter, False
        # Keep the window, record its end, and try a larger step.
        _copy(moved, point)
        value = moved_value
        if every > 0 and adaptive and _steps_since(trace, n_iter) >= every:
            _record(trace, n_iter, point)
        step *= STEP_GROWTH if adaptive else 1.0
        n_kept += 1
        # Disturbed runs do not stop: where the gradient is small they are moved, and go on.
        if radius > 0.0:
            _objective(data, point, work)
            _gradient(data, point, work, gradient)
            if n_iter < max_iter and _dot(gradient, gradient) <= (SMALL_GRADIENT * unit) ** 2:
                _perturb(point, radius, mean, rng)
                value = _objective(data, point, work)
        if level > 0.0 or radius > 0.0:
            continue
        # Converged: the objective changed by at most `tol` times itself over five windows.
        if n_kept % WINDOWS_PER_CHECK == 0:
            if abs(before - value) <= tol * value:
                return n_iter, True
            before = value
    return n_iter, False


@compiled
def descend_one(data, width, point, step, adaptive, n_iter, max_iter, tol, disturbance, rng, trace):
    """Descend from `point`, in place.

    Parameters
    ----------
    data
        See the conventions above.
    width : int
    point : ndarray of shape (n_parameters,)
    step : float
        The fixed step; ignored when `adaptive`.
    adaptive : bool
        Whether the step is chosen here: windows are averaged, and undone when they raise the objective.
    n_iter : int
        Steps made before.
    max_iter, tol
        See `gradient_descent`.
    disturbance : (level, radius, unit)
        Standard deviation of the noise in every entry of a gradient, radius of the ball of a perturbation, and the
        unit of gradients: all in the units of the kernel.
    rng : Generator
    trace : (every, steps, points, count)
        Recorded are the start and then the points every so many steps, 0 for none; ndarrays of shapes (n_records,),
        (n_records, n_parameters) and (1,), the number of records so far. They are long enough.

    Returns
    -------
    n_iter : int
    converged : bool
    """
    n_samples, n_parameters = data[1].size, point.size
    work = (np.empty((width, n_samples)), np.empty(n_samples), np.empty(n_samples))
    vectors = (np.empty(n_parameters), np.empty(n_parameters), np.empty(n_parameters))
    if trace[0] > 0:
        _record(trace, n_iter, point)
    n_iter, converged = _descend(
        data, point, step, adaptive, n_iter, max_iter, tol, work, vectors, disturbance, rng, trace
    )
    if trace[0] > 0 and np.any(trace[2][trace[3][0] - 1] != point):
        _record(trace, n_iter, point)
    return n_iter, converged
