"""Pictures: the way to a proof, the function of a network. Nothing else imports matplotlib."""

from .certificate import CertificateDisplay
from .network import NetworkDisplay

__all__ = ["CertificateDisplay", "NetworkDisplay"]
