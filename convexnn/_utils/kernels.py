"""The decorator of all kernels: compiled at the first call, without the interpreter lock, and kept on the disk."""

import signal
import threading
from contextlib import contextmanager
from functools import partial

from numba import njit
from numba.core.dispatcher import Dispatcher

from .clock import standing_still
from .inner_kernels import InnerKernel, KernelCompiler
from .kernel_cache import cache_of

# Every kernel of this process, as Python calls it.
KERNELS: list[Dispatcher] = []


def compiled(function=None, **options):
    """Return `function` as a kernel; `options` are those of ``numba.njit``, as in ``@compiled(error_model="numpy")``.

    With ``NUMBA_DISABLE_JIT=1`` in the environment it stays a function of Python.
    """
    if function is None:
        return partial(compiled, **options)
    kernel = njit(nogil=True, no_cfunc_wrapper=True, **options)(function)
    if isinstance(kernel, Dispatcher):
        kernel._cache = cache_of(function)  # as njit(cache=True) does, which raises where no folder can be written
        kernel.compile = holding_interrupts()(standing_still()(kernel.compile))
        KERNELS.append(kernel)
        kernel._compiler = KernelCompiler(kernel)
        inner = InnerKernel(kernel)
        kernel.get_call_template, kernel.get_overload = inner.get_call_template, inner.get_overload
    return kernel


@contextmanager
def holding_interrupts():
    """A context that a Ctrl-C waits for: one that comes inside of LLVM leaves numba, or the process, broken."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield  # other threads are never interrupted
        return
    held = []
    signal.signal(signal.SIGINT, lambda *arguments: held.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])
