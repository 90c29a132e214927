"""Mends for Theano 1.0.5. Each says what goes wrong without it."""

import functools
import hashlib
import os
from collections.abc import Callable
from typing import Any

from lxmls_rnn.theano_env import contexts
from lxmls_rnn.theano_env.compiler import mend_linker
from lxmls_rnn.theano_env.contexts import TURN
from lxmls_rnn.theano_env.lock import LOCK, saying_so


def mend() -> None:
    """Apply every mend; a second call changes nothing."""
    from theano.gof.cc import CLinker
    from theano.gof.vm import VM_Linker

    if hasattr(CLinker, "_lxmls_mended"):
        return
    CLinker._lxmls_mended = True
    _version_empty_props(CLinker)
    _version_external_code()
    _exact_logistic()
    _fold_in_python()
    contexts.mend()
    contexts.around_compiling(_in_turns)
    mend_linker(VM_Linker)
    # Theano tells its child processes that the GPU is taken, and they refuse to use it. That is meant for
    # forks; a new Python (the benchmark's workers) may well use the same GPU.
    os.environ.pop("THEANO_GPU_IS_ALREADY_ACTIVE", None)


def _version_empty_props(linker_class: Any) -> None:
    """Give a version to C modules with an Op whose ``__props__`` is empty (Dot22, Softmax, Alloc, ...).

    ``CLinker.cmodule_key_`` counts ``__props__`` among the versions and takes an empty one for "no version",
    so such a module is compiled again in every process. The Op's own code version says what is needed.
    """
    original = linker_class.cmodule_key_

    def cmodule_key_(self: Any, fgraph: Any, no_recycling: Any, *args: Any, **kwargs: Any) -> Any:
        key = original(self, fgraph, no_recycling, *args, **kwargs)
        if key is None or key[0]:
            return key
        versions = []
        for node in self.schedule(fgraph):
            if hasattr(node.op, "c_code_cache_version_apply"):
                versions.append(node.op.c_code_cache_version_apply(node))
            versions += [v.type.c_code_cache_version() for v in (*node.inputs, *node.outputs)]
        return (tuple(versions), key[1]) if versions and all(versions) else key

    linker_class.cmodule_key_ = cmodule_key_


def _version_external_code() -> None:
    """Take the version of an Op whose C code lies in a file (DimShuffle, ...) from a hash that stays.

    ``COp.c_code_cache_version`` calls ``hash`` on the code, a string: another number in every process
    unless PYTHONHASHSEED is set, and so another compilation.
    """
    from theano.gof.op import COp

    def c_code_cache_version(self: Any) -> tuple[Any, ...]:
        version: tuple[Any, ...] = (hashlib.sha256("\0".join(self.func_codes).encode()).hexdigest(),)
        if hasattr(self, "params_type"):
            version += (self.params_type.c_code_cache_version(),)
        return version

    COp.c_code_cache_version = c_code_cache_version


def _exact_logistic() -> None:
    """Let the logistic function of float64 round to 1 where it does, not from 19 on.

    The C code takes ``1 / (1 + exp(-x))`` for 1 above x = 19, where it is still 6e-9 less: enough to part the
    gradients of a saturated network from those of NumPy.
    """
    from theano.tensor.nnet.sigm import ScalarSigmoid

    c_code, version = ScalarSigmoid.c_code, ScalarSigmoid.c_code_cache_version
    ScalarSigmoid.c_code = lambda self, *args: c_code(self, *args).replace("> 19.0 ?", "> 37.0 ?")
    ScalarSigmoid.c_code_cache_version = lambda self: (*version(self), 1)


def _fold_in_python() -> None:
    """Fold constants in Python where an Op only moves numbers or tells a shape: C would give the same.

    Otherwise one module after the other is compiled to run once, nine of the 70 of a scan's training step.
    """
    from theano.compile.ops import Rebroadcast, Shape, Shape_i
    from theano.tensor import basic
    from theano.tensor.elemwise import DimShuffle
    from theano.tensor.opt import MakeVector
    from theano.tensor.subtensor import Subtensor

    movers = (basic.Alloc, basic.ScalarFromTensor, basic.TensorFromScalar, DimShuffle, MakeVector, Subtensor)
    for op in (*movers, Rebroadcast, Shape, Shape_i):
        op.python_constant_folding = lambda self, node: True


def _in_turns(call: Callable[..., Any]) -> Callable[..., Any]:
    """Let threads take turns in `theano.function`: its optimiser and its module cache are the whole process's."""

    @functools.wraps(call)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with saying_so(lambda: "another thread") as my_turn:

            def compile_it() -> Any:  # a scan compiles its loop within the compile of the whole
                my_turn()
                with LOCK.released_after():
                    return call(*args, **kwargs)

            return TURN.run(compile_it)

    return alone
