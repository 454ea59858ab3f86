"""Networks of smallest cost among those that interpolate the data: program, solver, proof and all of them."""

from .certificate import InterpolationCertificate
from .certifying import certify_interpolation
from .solution_set import InterpolationSet

__all__ = ["InterpolationCertificate", "InterpolationSet", "certify_interpolation"]
