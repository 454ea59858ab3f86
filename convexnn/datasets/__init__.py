"""Small problems, each returned with what is known about it."""

from .interpolator_continuum import make_interpolator_continuum
from .known_optimum import make_known_optimum
from .teacher import make_teacher

__all__ = ["make_interpolator_continuum", "make_known_optimum", "make_teacher"]
