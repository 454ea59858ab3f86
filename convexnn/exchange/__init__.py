"""Networks in files and in the formats of other libraries."""

from .files import load_network, save_network
from .headers import ClaimedCertificate
from .mlps import equivalent_beta, from_sklearn_mlp
from .onnx_models import to_onnx
from .preparation import Column, Preparation
from .records import SavedNetwork
from .torch_modules import from_torch, to_torch
from .trusted import TRUSTED_TYPES

__all__ = [
    "TRUSTED_TYPES",
    "ClaimedCertificate",
    "Column",
    "Preparation",
    "SavedNetwork",
    "equivalent_beta",
    "from_sklearn_mlp",
    "from_torch",
    "load_network",
    "save_network",
    "to_onnx",
    "to_torch",
]
