"""Parallel three-layer ReLU networks, trained to proven global optimality, or to a proven gap."""

from .network import ThreeLayerReLU
from .records import ThreeLayerCertificate, ThreeLayerPrice
from .solution import ThreeLayerSolution
from .training import certify_three_layer, price_three_layer, train_three_layer

__all__ = [
    "ThreeLayerCertificate",
    "ThreeLayerPrice",
    "ThreeLayerReLU",
    "ThreeLayerSolution",
    "certify_three_layer",
    "price_three_layer",
    "train_three_layer",
]
