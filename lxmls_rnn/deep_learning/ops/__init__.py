"""Recurrent layers as single Theano Ops, each with a gradient Op: C for the CPU, CLUDA kernels for the GPU."""

from lxmls_rnn import theano_env  # noqa: F401  refuses a stock Theano, so it comes first

import theano  # isort: skip  # alone and first: a thread that begins with a part of it may meet one that imports all
import theano.gpuarray.type  # isort: skip


def lift_to_gpu() -> None:
    """Let Theano replace the Ops by those for the GPU in the functions that it compiles from now on, if it has one."""
    if theano.gpuarray.type.list_contexts():
        from lxmls_rnn.deep_learning.ops.gpu import lifters

        lifters.register()
