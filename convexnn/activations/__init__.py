"""Leaky ReLU and absolute value: the cone program and the price of the ReLU, with a slope on the other side.

    ``sigma(z) = (z)_+ - slope (-z)_+``,   -1 <= slope < 1:  0 ReLU, between 0 and 1 leaky ReLU, -1 absolute value.

On the cone of a pattern ``sigma(X u) = (D + slope (I - D)) X u``, so that the convex program is the same with other
factors. Its dual constraint ``max_{||u|| <= 1} |nu^T sigma(X u)| <= beta`` is the price of ``(nu, -slope nu)`` on the
rows ``[X; -X]``, which the search for the price of the ReLU finds and proves as it is.
"""

from .certifying import certify_activation
from .network import ActivatedNetwork
from .training import train_activation

__all__ = ["ActivatedNetwork", "certify_activation", "train_activation"]
