"""What gradient descent finds, judged by the certificate."""

from .descent import Descents, gradient_descent

__all__ = ["Descents", "gradient_descent"]
