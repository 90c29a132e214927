"""Recurrent layers as single Theano Ops, each with a gradient Op: C for the CPU, CLUDA kernels for the GPU."""

from lxmls_rnn import theano_env  # noqa: F401  refuses a stock Theano, so it comes first

import theano.gpuarray.type  # isort: skip

if theano.gpuarray.type.list_contexts():
    from lxmls_rnn.deep_learning.ops.gpu import lifters as gpu_lifters  # noqa: F401
