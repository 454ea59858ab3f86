"""Networks in files and in the formats of other libraries."""

from .files import load_network, save_network
from .headers import ClaimedCertificate
from .records import SavedNetwork

__all__ = ["ClaimedCertificate", "SavedNetwork", "load_network", "save_network"]
