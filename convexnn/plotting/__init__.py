"""Pictures of fits, optimal sets, paths and sweeps. Nothing else imports matplotlib."""

from .certificate import CertificateDisplay
from .exact_paths import ExactPathDisplay
from .geometry import DualFunctionDisplay, RectifiedEllipsoidDisplay
from .labels import WidthLabelsDisplay
from .landscape import LandscapeDisplay
from .leaving_out import LeaveOneOutDisplay
from .network import NetworkDisplay
from .paths import PathDisplay
from .polytope import OptimalPolytopeDisplay
from .regions import DecisionRegionDisplay
from .spurious import SpuriousTableDisplay
from .staircase import StaircaseDisplay
from .strengths import BetaPathDisplay
from .sweeps import RegularizationPathDisplay, WidthSweepDisplay

__all__ = [
    "BetaPathDisplay",
    "CertificateDisplay",
    "DecisionRegionDisplay",
    "DualFunctionDisplay",
    "ExactPathDisplay",
    "LandscapeDisplay",
    "LeaveOneOutDisplay",
    "NetworkDisplay",
    "OptimalPolytopeDisplay",
    "PathDisplay",
    "RectifiedEllipsoidDisplay",
    "RegularizationPathDisplay",
    "SpuriousTableDisplay",
    "StaircaseDisplay",
    "WidthLabelsDisplay",
    "WidthSweepDisplay",
]
