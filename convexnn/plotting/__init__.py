"""Pictures of fits, optimal sets, paths and sweeps. Nothing else imports matplotlib."""

from .certificate import CertificateDisplay
from .geometry import DualFunctionDisplay, RectifiedEllipsoidDisplay
from .network import NetworkDisplay
from .paths import PathDisplay
from .spurious import SpuriousTableDisplay
from .staircase import StaircaseDisplay
from .sweeps import RegularizationPathDisplay, WidthSweepDisplay

__all__ = [
    "CertificateDisplay",
    "DualFunctionDisplay",
    "NetworkDisplay",
    "PathDisplay",
    "RectifiedEllipsoidDisplay",
    "RegularizationPathDisplay",
    "SpuriousTableDisplay",
    "StaircaseDisplay",
    "WidthSweepDisplay",
]
