"""Proofs that others can check: files with a network, a dual point and a tree of cones, and their checker.

`write_proof` searches in float64 and writes what holds in exact arithmetic; `check_proof` checks a file, with the work
of `convexnn.proofs.checker`, which imports nothing of convexnn. `certify_resumably` gives the certificate of such a
search, which goes on from its checkpoint whatever has stopped it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .certifying import certify_resumably
    from .checker import ProofError, Verdict
    from .writing import check_proof, write_proof

__all__ = ["ProofError", "Verdict", "certify_resumably", "check_proof", "write_proof"]
# Imported when asked for, so that the checker needs none of convexnn.
_MODULE_OF = {
    "ProofError": "checker",
    "Verdict": "checker",
    "certify_resumably": "certifying",
    "check_proof": "writing",
    "write_proof": "writing",
}


def __getattr__(name: str) -> Any:
    """Return a public name from its module."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
