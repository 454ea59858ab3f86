"""Print the versions of convexnn, Python and the libraries that matter for a report."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from .._version import __version__
from .outcomes import Outcome, print_pairs

REQUIRED = (
    "numpy",
    "scipy",
    "numba",
    "cvxpy",
    "clarabel",
    "scikit-learn",
    "joblib",
    "threadpoolctl",
    "rich",
)
OPTIONAL = ("pandas", "pyarrow", "matplotlib", "torch", "onnx", "onnxruntime", "skops", "distributed")


def add_arguments(parser):
    """Add nothing: the command has no arguments of its own."""


def run(arguments):
    """Collect the versions; return their `Outcome`."""
    system = {"convexnn": __version__, "python": platform.python_version(), "platform": platform.platform()}
    system["cores"] = os.cpu_count()
    libraries = {name: _version_of(name) for name in (*REQUIRED, *OPTIONAL)}
    shown = system | {name: found or "not installed" for name, found in libraries.items()}
    return Outcome(system | {"libraries": libraries}, lambda console: print_pairs(console, shown))


def _version_of(name):
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
