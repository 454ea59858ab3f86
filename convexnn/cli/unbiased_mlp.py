"""scikit-learn's MLPRegressor without biases: it minimises exactly the network objective. Needs scikit-learn only.

The benchmarks against the peers load this file by its path, into environments where convexnn is not installed.
"""

import numpy as np
from sklearn.neural_network import MLPRegressor


class UnbiasedMLP(MLPRegressor):
    """MLPRegressor with all biases held at zero.

    Its loss is ``1/(2 n) ||f - y||^2 + alpha/(2 n) (||U||^2 + ||a||^2)``: alpha is beta. Biases, which it does not
    penalise, start at zero and get no gradient here.
    """

    def _init_coef(self, fan_in, fan_out, dtype):
        weights, biases = super()._init_coef(fan_in, fan_out, dtype)
        return weights, np.zeros_like(biases)

    def _compute_loss_grad(self, layer, n_samples, activations, deltas, coef_grads, intercept_grads):
        super()._compute_loss_grad(layer, n_samples, activations, deltas, coef_grads, intercept_grads)
        # Biases that start at zero and have no gradient stay zero.
        intercept_grads[layer] = np.zeros_like(intercept_grads[layer])
