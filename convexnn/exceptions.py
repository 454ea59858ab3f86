"""The errors and warnings of convexnn: one small tree."""

from sklearn.exceptions import ConvergenceWarning

__all__ = [
    "ConvergenceWarning",
    "ConvexNNError",
    "FileFormatError",
    "GatheringWarning",
    "InvalidInputError",
    "MissingLibraryError",
    "NotDescribedError",
    "PatternLimitError",
    "ScaleWarning",
    "SolverError",
    "StrengthWarning",
    "UnknownPathError",
    "VertexLimitError",
    "WidthWarning",
]


class ConvexNNError(Exception):
    """Base class of every error that convexnn raises on purpose."""


class InvalidInputError(ConvexNNError, ValueError):
    """An argument has a value that cannot be used; the message names it, what was got and what to do."""


class FileFormatError(ConvexNNError, ValueError):
    """A file is damaged, unsafe, of another format, or claims what its own data contradict; the message says which."""


class MissingLibraryError(ConvexNNError, ImportError):
    """A library of an extra is not installed; the message names the extra."""


class NotDescribedError(ConvexNNError, AttributeError):
    """Nothing is known that this name could stand for; the message says why."""


class PatternLimitError(ConvexNNError, ValueError):
    """The arrangement may have more cells than the limit allows; raised before anything is allocated."""


class SolverError(ConvexNNError, RuntimeError):
    """Every back end that was tried failed; the message says what each of them answered."""


class UnknownPathError(ConvexNNError, RuntimeError):
    """No path was found, and it is not known whether there is one; the message says how far the search went."""


class GatheringWarning(UserWarning):
    """A Dask collection is gathered into the memory of this process; the message says how large it is."""


class WidthWarning(UserWarning):
    """`max_width` is too small for a global optimum; the message quotes the bounds on the critical width."""


class ScaleWarning(UserWarning):
    """Columns or targets are on scales that spoil a fit; the message names them and says what to do.

    Either digits are lost, or the weight decay, which is on the weights of X as given, all but leaves some of them out.
    """


class StrengthWarning(UserWarning):
    """The strength that predicts best lies at the end of those that were tried; the message says which end."""


class VertexLimitError(ConvexNNError, ValueError):
    """The polytope of optimal masses may have more vertices than the limit allows."""
