"""A dual point and its proof: the price, the certificate and the strength of the zero network."""

from .certificate import Certificate, certify
from .large.cluster import price_on_cluster
from .large.shards import DaskShards, LocalShards, price_shards
from .pricing import Price, price
from .strength import beta_max

__all__ = [
    "Certificate",
    "DaskShards",
    "LocalShards",
    "Price",
    "beta_max",
    "certify",
    "price",
    "price_on_cluster",
    "price_shards",
]
