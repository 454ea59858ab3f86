"""Compiled ascent of the price of one sub-network: L-BFGS on its weights, monotone by backtracking."""

import numpy as np

from .._utils.kernels import compiled

N_PAIRS = 10  # steps and changes of the gradient that are remembered
MAX_HALVINGS = 25  # a step is halved at most 25 times
SUFFICIENT_SHARE = 1e-4  # a step must gain at least this share of what the gradient promises
MIN_RELATIVE_GAIN = 1e-13  # an ascent ends where a step gains less than this share of the value
MIN_CURVATURE = 1e-12  # pairs whose curvature is below this share of their lengths are not remembered
FIRST_STEP_SHARE = 0.3  # the first step has 0.3 of the length of the weights


@compiled
def evaluate_price(weights, X, nu, width, gradient):
    """Return ``nu^T ((X W)_+ w)_+ / (||W||_F ||w||)`` and write its gradient.

    Parameters
    ----------
    weights, gradient : ndarray of shape (width * r + width,)
        W row by row, one row for each neuron, then w.
    X : ndarray of shape (n, r)
    nu : ndarray of shape (n,)
    width : int
    """
    r = X.shape[1]
    end = width * r
    hidden, value = np.empty(width), 0.0
    gradient[:] = 0.0
    for i in range(X.shape[0]):
        inner = 0.0
        for j in range(width):
            before = 0.0  # a loop: short products are slower through BLAS
            for k in range(r):
                before += X[i, k] * weights[j * r + k]
            hidden[j] = max(before, 0.0)
            inner += hidden[j] * weights[end + j]
        if inner <= 0.0:
            continue
        value += nu[i] * inner
        for j in range(width):
            gradient[end + j] += nu[i] * hidden[j]
            if hidden[j] > 0.0:
                back = nu[i] * weights[end + j]
                for k in range(r):
                    gradient[j * r + k] += back * X[i, k]
    # The quotient rule: both norms are homogeneous of degree one in their layer.
    first, second = np.dot(weights[:end], weights[:end]), np.dot(weights[end:], weights[end:])
    scale = 1.0 / max(np.sqrt(first * second), 1e-300)
    value *= scale
    gradient[:end] = scale * gradient[:end] - (value / max(first, 1e-300)) * weights[:end]
    gradient[end:] = scale * gradient[end:] - (value / max(second, 1e-300)) * weights[end:]
    return value


@compiled
def _direction(gradient, steps, changes, n_pairs):
    """Return the L-BFGS direction of ascent; pair k is in row ``k % N_PAIRS``, `changes` are those of -gradient."""
    direction, shares = gradient.copy(), np.zeros(N_PAIRS)
    for k in range(n_pairs - 1, max(n_pairs - N_PAIRS, 0) - 1, -1):
        step, change = steps[k % N_PAIRS], changes[k % N_PAIRS]
        shares[k % N_PAIRS] = np.dot(step, direction) / np.dot(step, change)
        direction -= shares[k % N_PAIRS] * change
    step, change = steps[(n_pairs - 1) % N_PAIRS], changes[(n_pairs - 1) % N_PAIRS]
    direction *= np.dot(step, change) / np.dot(change, change)
    for k in range(max(n_pairs - N_PAIRS, 0), n_pairs):
        step, change = steps[k % N_PAIRS], changes[k % N_PAIRS]
        direction += (shares[k % N_PAIRS] - np.dot(change, direction) / np.dot(step, change)) * step
    return direction


@compiled
def climb_price(weights, X, nu, width, max_iterations):
    """Climb the price of `evaluate_price` from `weights`, in place; return the value reached."""
    gradient, trial, new_gradient = np.empty_like(weights), np.empty_like(weights), np.empty_like(weights)
    steps, changes = np.empty((N_PAIRS, weights.size)), np.empty((N_PAIRS, weights.size))
    value, n_pairs = evaluate_price(weights, X, nu, width, gradient), 0
    for _ in range(max_iterations):
        size = np.linalg.norm(gradient)
        if size == 0.0:
            break
        # Without pairs, or where they lead down, the gradient is the direction.
        direction = gradient * (FIRST_STEP_SHARE * np.linalg.norm(weights) / size)
        if n_pairs > 0:
            quick = _direction(gradient, steps, changes, n_pairs)
            if np.dot(quick, gradient) > 0.0:
                direction = quick
        promise, share, new_value = np.dot(direction, gradient), 1.0, value
        for _ in range(MAX_HALVINGS):
            trial[:] = weights + share * direction
            new_value = evaluate_price(trial, X, nu, width, new_gradient)
            if new_value >= value + SUFFICIENT_SHARE * share * promise:
                break
            share *= 0.5
        gain = new_value - value
        if gain <= MIN_RELATIVE_GAIN * abs(value):
            if n_pairs == 0:
                break
            n_pairs = 0  # the pairs are misleading near a kink: once more along the gradient
            continue
        step, change = trial - weights, gradient - new_gradient
        curvature = np.dot(step, change)
        if curvature > MIN_CURVATURE * np.linalg.norm(step) * np.linalg.norm(change):
            steps[n_pairs % N_PAIRS], changes[n_pairs % N_PAIRS] = step, change
            n_pairs += 1
        weights[:], gradient[:], value = trial, new_gradient, new_value
    return value
