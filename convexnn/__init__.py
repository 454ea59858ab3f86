"""Two-layer ReLU networks trained to proven global optimality."""

from ._version import __version__

__all__ = ["__version__"]
