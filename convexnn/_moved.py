"""Old places of what has moved, kept for one release: delete this file, and its calls, with the next one."""

import importlib
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.util import spec_from_loader

MODULES = {
    f"convexnn.{old}": f"convexnn.{new}"
    for old, new in {
        "arrangements.gates": "gated.sampling",
        "datasets_interpolation": "datasets.interpolator_continuum",
        "duality.distributed": "duality.large.cluster",
        "duality.gated": "gated.certificate",
        "duality.interpolation": "interpolation.certificate",
        "duality.sharded": "duality.large.shards",
        "matrix_losses": "losses.several_outputs",
        "optimal_sets.gated_set": "gated.solution_set",
        "optimal_sets.interpolation_set": "interpolation.solution_set",
        "programs.gates": "gated.program",
        "programs.interpolation": "interpolation.program",
        "programs.program": "programs.problem",
        "programs.vector_program": "programs.problem",
        "solvers.certifying": "interpolation.certifying",
        "solvers.cone_decomposition": "gated.cone_decomposition",
        "solvers.gated": "gated.solver",
        "solvers.gated_losses": "gated.newton",
        "solvers.interpolation": "interpolation.solver",
        "solvers.kinked": "solvers.proximal_steps",
        "solvers.narrow": "solvers.limited_width",
        "sweeps.checkpoint": "resumable.checkpoint",
        "sweeps.spurious": "landscape.spurious",
    }.items()
}
RENAMED = {"convexnn.programs.vector_program": {"VectorProblem": "Problem"}}  # classes that saved estimators name
NAMES = {
    "convexnn.solvers": {"GatedSolution": "convexnn.gated", "solve_gated": "convexnn.gated"},
    "convexnn.sweeps": dict.fromkeys(("SpuriousRecord", "SpuriousTable", "spurious_table"), "convexnn.landscape"),
}


class _Finder(MetaPathFinder, Loader):
    """Import an old module as a copy of the names of the new one: the classes are the same objects."""

    def find_spec(self, fullname, path=None, target=None):
        """Return the spec of a module that has moved; None for any other."""
        return spec_from_loader(fullname, self) if fullname in MODULES else None

    def exec_module(self, module):
        """Fill the old module."""
        new = MODULES[module.__name__]
        warnings.warn(f"{module.__name__} has moved to {new}.", DeprecationWarning, stacklevel=2)
        names = vars(importlib.import_module(new)).items()
        vars(module).update({name: value for name, value in names if not name.startswith("__")})
        for old, new_name in RENAMED.get(module.__name__, {}).items():
            setattr(module, old, getattr(module, new_name))


def keep_old_names():
    """Make the modules that have moved importable from their old places."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def old_names_of(package):
    """Return a ``__getattr__`` for a package that some names have left."""

    def __getattr__(name):
        if name not in NAMES[package]:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(NAMES[package][name]), name)

    return __getattr__
