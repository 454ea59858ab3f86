"""The decorator of all kernels: compiled at the first call, without the interpreter lock, and kept on the disk."""

from functools import partial

from numba import njit
from numba.core.dispatcher import Dispatcher

from ._clock import standing_still
from ._compile_cache import cache_of


def compiled(function=None, **options):
    """Return `function` as a kernel; `options` are those of ``numba.njit``, as in ``@compiled(error_model="numpy")``.

    With ``NUMBA_DISABLE_JIT=1`` in the environment it stays a function of Python.
    """
    if function is None:
        return partial(compiled, **options)
    kernel = njit(nogil=True, **options)(function)
    if isinstance(kernel, Dispatcher):
        kernel._cache = cache_of(function)  # what njit(cache=True) does, which raises where no folder can be written
        kernel.compile = standing_still()(kernel.compile)
    return kernel
