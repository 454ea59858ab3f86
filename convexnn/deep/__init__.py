"""Parallel three-layer ReLU networks, trained to proven global optimality for a handful of samples."""

from .network import ThreeLayerReLU
from .records import ThreeLayerCertificate, ThreeLayerPrice, ThreeLayerSolution
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
