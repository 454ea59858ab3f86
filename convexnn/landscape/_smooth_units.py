"""Smooth functions of a number, with two derivatives: the units of smooth networks and of generalised linear models."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit


@dataclass(frozen=True)
class Activation:
    """A smooth function of a number with its first two derivatives, and the largest sizes that these have."""

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    curvature: Callable[[np.ndarray], np.ndarray]
    max_slope: float
    max_curvature: float


def _sigmoid_slope(z):
    return expit(z) * expit(-z)


def _sigmoid_curvature(z):
    return -_sigmoid_slope(z) * np.tanh(0.5 * z)


def _tanh_slope(z):
    # 1 - tanh^2, without the cancellation of large arguments.
    return 4.0 * _sigmoid_slope(2.0 * z)


def _tanh_curvature(z):
    return -2.0 * np.tanh(z) * _tanh_slope(z)


def _softplus(z):
    return np.logaddexp(0.0, z)


def _erf_slope(z):
    return 2.0 / np.sqrt(np.pi) * np.exp(-(z**2))


def _erf_curvature(z):
    return -2.0 * z * _erf_slope(z)


# The largest curvatures: tanh at tanh(z)^2 = 1/3, the sigmoid likewise with half the argument, erf at z^2 = 1/2.
ACTIVATIONS = {
    "linear": Activation(lambda z: z, np.ones_like, np.zeros_like, 1.0, 0.0),
    "tanh": Activation(np.tanh, _tanh_slope, _tanh_curvature, 1.0, 4.0 / np.sqrt(27.0)),
    "sigmoid": Activation(expit, _sigmoid_slope, _sigmoid_curvature, 0.25, 1.0 / np.sqrt(108.0)),
    "softplus": Activation(_softplus, expit, _sigmoid_slope, 1.0, 0.25),
    "erf": Activation(erf, _erf_slope, _erf_curvature, 2.0 / np.sqrt(np.pi), np.sqrt(8.0 / np.pi) * np.exp(-0.5)),
}
