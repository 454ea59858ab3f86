"""Kernels as other kernels call them: without machine code of their own, so that a first fit compiles in seconds.

numba optimises every compiled function together with all that it calls, turns the result into machine code, and wraps
it for Python and for C. A kernel at the bottom of five others went through that six times. Here what a kernel calls
stays as it was lowered: it is linked into the kernel that Python calls, and is optimised and turned into machine code
there, once. That is half of the time that a first fit takes to compile, and the numbers stay the same to the last bit.
"""

from contextlib import nullcontext

from numba.core import event, types, typing
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, Flags
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]  # numba hides it from checkers
from numba.core.typed_passes import AnnotateTypes

from .compile_notice import watching


class InnerKernel:
    """A kernel for the kernels that call it; it answers what numba's typing asks of a function that is called.

    Parameters
    ----------
    kernel : numba.core.dispatcher.Dispatcher
        The same kernel as Python calls it.
    """

    def __init__(self, kernel):
        self.py_func, self.target = kernel.py_func, kernel.targetctx
        self.compiler = KernelCompiler(kernel, _InnerCompiler)
        self.results = {}

    def get_call_template(self, args, kws):
        """Return numba's template of a call with arguments of these types, compiling the kernel for them first.

        A literal, such as a counter that starts at 0, has the type of what it counts: numba meets it as a literal
        first, and would compile the kernel once for that, and once more for any integer.
        """
        pysig, args = self.compiler.fold_argument_types(args, kws)
        args = tuple(map(types.unliteral, args))
        if args not in self.results:
            self.results[args] = self._compile(args)
        name = self.py_func.__name__
        signatures = [result.signature for result in self.results.values()]
        return typing.make_concrete_template(name, key=name, signatures=signatures), pysig, args, {}

    def get_overload(self, args):
        """Return the key under which numba's lowering finds what was compiled for these types."""
        return self, tuple(args)

    def _compile(self, args):
        with event.trigger_event("numba:compile", data={"dispatcher": self, "args": args, "return_type": None}):
            result = self.compiler.compile(args, None)
        self.target.insert_user_function(self.get_overload(args), result.fndesc, [result.library])
        return result


class KernelCompiler(_FunctionCompiler):
    """numba's compiler of a kernel, with `_Options`; a kernel that Python calls says that it is compiled."""

    def __init__(self, kernel, pipeline_class=Compiler):
        super().__init__(kernel.py_func, kernel.targetdescr, kernel.targetoptions, {}, pipeline_class)
        self.context = watching if pipeline_class is Compiler else nullcontext

    def compile(self, args, return_type):
        """Compile the kernel for arguments of these types."""
        with self.context():
            return super().compile(args, return_type)

    def _customize_flags(self, flags):
        return _Options(flags)


class _Options(Flags):
    """numba's options of a compilation, compared by those that were set.

    They are part of the key of everything that numba looks up while it infers types, and to compare all fifty of them,
    most of which nobody has set, was a seventh of the time.
    """

    def __hash__(self):
        return hash(frozenset(self._values))

    def __eq__(self, other):
        return self._values == other._values if type(other) is _Options else super().__eq__(other)


class _InnerLibrary(JITCodeLibrary):
    """What a kernel was lowered to, to be linked into others; never optimised nor turned into machine code alone."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


@register_pass(mutates_CFG=False, analysis_only=False)
class _UseInnerLibrary(LoweringPass):
    """Have the kernel lowered into an `_InnerLibrary`, without anything to call it by."""

    _name = "use_inner_library"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        state.library = _InnerLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        # Not among the options of the kernel: numba compiles its own functions anew for callers of other options.
        state.flags.no_compile = state.flags.no_cpython_wrapper = True
        return True


class _InnerCompiler(Compiler):
    """numba's compiler with that library; see "Customizing the compiler" in its documentation."""

    def define_pipelines(self):
        pipelines = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.add_pass_after(_UseInnerLibrary, AnnotateTypes)
            pipeline.finalize()
        return pipelines
