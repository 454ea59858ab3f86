"""What gradient descent finds, judged by the certificate."""

from .descent import Descents, gradient_descent
from .labels import Label, Step, classify
from .polishing import escape, polish

__all__ = ["Descents", "Label", "Step", "classify", "escape", "gradient_descent", "polish"]
