"""Which networks are members of a set of optima: the checks that all sets share."""

import numpy as np

from .._utils.validation import check_positive
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network
from ..programs.problem import Problem


class Members:
    """Base of the sets of optimal networks of one training problem.

    Attributes
    ----------
    problem : Problem
    optimal_value : float
    """

    problem: Problem
    optimal_value: float

    def contains(self, network: TwoLayerReLU, tolerance: float = 1e-6) -> bool:
        """Return whether a network is globally optimal: its objective is within a relative `tolerance` of p*."""
        check_is_network(network, "network")
        check_positive(tolerance, "tolerance")
        self.problem.check_terms(network)
        excess = self.problem.objective(network) - self.optimal_value
        return bool(excess <= tolerance * max(self.optimal_value, np.finfo(float).tiny))

    def _check_member(self, network, name):
        if not self.contains(network):
            raise InvalidInputError(
                f"{name} must be globally optimal; its objective is {self.problem.objective(network):.10g}, the "
                f"optimum {self.optimal_value:.10g}."
            )


def check_same_width(a, b):
    """Refuse what are no two networks of one width."""
    for network, name in ((a, "a"), (b, "b")):
        check_is_network(network, name)
    if a.width != b.width:
        raise InvalidInputError(f"a and b must have the same width; got {a.width} and {b.width}: pad one of them.")
