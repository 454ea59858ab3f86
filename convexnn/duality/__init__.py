"""A dual point and its proof: the price, the certificate and the strength of the zero network."""

from .certificate import Certificate, certify
from .pricing import Price, price
from .strength import beta_max

__all__ = ["Certificate", "Price", "beta_max", "certify", "price"]
