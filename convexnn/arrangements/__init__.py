"""Activation patterns of a data matrix: counting, listing and sampling them."""

from .counting import count_patterns
from .enumerate import enumerate_patterns
from .patterns import ActivationPatterns
from .sample import sample_patterns

__all__ = ["ActivationPatterns", "count_patterns", "enumerate_patterns", "sample_patterns"]
