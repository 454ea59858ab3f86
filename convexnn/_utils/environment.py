"""Versions of everything installed, for bug reports."""

import os
import platform
import sys
from importlib import metadata
from typing import Any

from .._version import __version__

# The packages that are always installed, and those of the extras.
REQUIRED = (
    "numpy",
    "scipy",
    "numba",
    "cvxpy",
    "clarabel",
    "array-api-compat",
    "scikit-learn",
    "joblib",
    "threadpoolctl",
    "rich",
)
OPTIONAL = (
    "matplotlib",
    "pandas",
    "pyarrow",
    "onnx",
    "onnxruntime",
    "sympy",
    "skops",
    "torch",
    "distributed",
)


def versions() -> dict[str, Any]:
    """Return what is installed and how it runs, as a dict that JSON can write.

    Returns
    -------
    dict
        ``system``: Python, the machine and its cores. ``packages`` and ``optional_packages``: from name to version,
        None for what is not installed. ``threads``: numba's threads and threading layer, and the ``libraries`` with
        threads of their own that this process has loaded, among them BLAS.

    See Also
    --------
    show_versions : Print it.

    Examples
    --------
    >>> import convexnn
    >>> convexnn.versions()["packages"]["convexnn"] == convexnn.__version__
    True
    """
    return {
        "system": _system(),
        "packages": {"convexnn": __version__} | {name: _version_of(name) for name in REQUIRED},
        "optional_packages": {name: _version_of(name) for name in OPTIONAL},
        "threads": _threads(),
    }


def show_versions() -> None:
    """Print what is installed and how it runs, for bug reports; `versions` returns it.

    See Also
    --------
    versions : The same as a dict.

    Examples
    --------
    >>> import convexnn
    >>> convexnn.show_versions()  # doctest: +ELLIPSIS
    system
      python              3...
    """
    found = versions()
    libraries = found["threads"].pop("libraries")
    for title, entries in found.items():
        print(title.replace("_", " "))
        for name, value in entries.items():
            print(f"  {name:<18}  {value}")
    print("libraries with threads")
    for library in libraries:
        print(f"  {library['name']:<18}  {library['version']}, {library['threads']} threads, {library['path']}")


def _system():
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "cores for us": len(cores),
    }


def _version_of(name):
    """Return the version of a distribution, which is not imported; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _threads():
    import joblib
    import numba
    from threadpoolctl import threadpool_info

    try:
        layer = numba.threading_layer()
    except ValueError:  # nothing has run in parallel yet
        layer = f"{numba.config.THREADING_LAYER} (not started; convexnn does not use it)"
    libraries = [
        {
            "name": f"{library['user_api']}: {library['internal_api']}",
            "version": library["version"],
            "threads": library["num_threads"],
            "path": library["filepath"],
        }
        for library in threadpool_info()
    ]
    return {
        "joblib's cores": joblib.cpu_count(),
        "numba's threads": numba.config.NUMBA_NUM_THREADS,
        "numba's layer": layer,
        "libraries": libraries,
    }
