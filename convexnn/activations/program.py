"""The training problem of a leaky ReLU or the absolute value: the hidden fit, the gains and the priced rows."""

from dataclasses import dataclass, fields

import numpy as np

from ..programs.posing import make_problem
from ..programs.problem import Problem


@dataclass(frozen=True, repr=False)
class ActivatedProblem(Problem):
    """A `Problem` whose neurons have the activation ``(z)_+ - slope (-z)_+``."""

    slope: float

    def hidden_fits(self, neurons):
        """Return ``sigma(design neurons^T)`` of shape (n_samples, K)."""
        # sigma(z) = (z)_+ - slope (-z)_+.
        return super().hidden_fits(neurons) - self.slope * super().hidden_fits(-neurons)

    def hidden_fit(self, neurons, outputs):
        """Return ``sigma(design neurons^T) outputs``, of the shape of y."""
        return super().hidden_fit(neurons, outputs) - self.slope * super().hidden_fit(-neurons, outputs)

    def activated(self, values):
        """Return ``sigma(values)``."""
        return np.where(values > 0.0, values, self.slope * values)

    def gains(self, masks):
        """Return the diagonals of ``D + slope (I - D)``."""
        return np.where(masks, 1.0, self.slope)

    def priced(self, dual_point):
        """Return the rows ``[X; -X]`` and ``(nu, -slope nu)``."""
        if self.slope == 0.0:
            return self.design, dual_point
        # nu^T sigma(X u) = nu^T (X u)_+ - slope nu^T (-X u)_+, a price of the ReLU on twice the rows.
        return np.vstack([self.design, -self.design]), np.concatenate([dual_point, -self.slope * dual_point])


def with_activation(problem, slope):
    """Return a `Problem` as one whose neurons have the activation of this slope."""
    return ActivatedProblem(**{item.name: getattr(problem, item.name) for item in fields(problem)}, slope=slope)


def problem_of_activated(network, X, y, beta, options):
    """Return the `ActivatedProblem` with exactly the terms of `network`."""
    terms = {"hidden_bias": "hidden_bias", "fit_intercept": "intercept", "skip_connection": "skip_weights"}
    present = {name: getattr(network, term) is not None for name, term in terms.items()}
    return with_activation(make_problem(X, y, beta, **present, **options), network.slope)
