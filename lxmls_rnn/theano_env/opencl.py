"""Workarounds for Theano 1.0.5 on OpenCL devices, found by trials on PoCL: raise an error, or stay on the CPU."""

from typing import Any

# Optimisers whose GPU Ops do not compile as OpenCL; without them the CPU's Ops are used.
EXCLUDED_OPTIMISERS = "local_gpua_crossentropysoftmaxargmax1hotwithbias:local_gpua_crossentropysoftmax1hotwithbiasdx"


def refuse_scan(device: str) -> None:
    """Make ``theano.scan`` raise NotImplementedError on OpenCL.

    Its loop needs CUDA pointers; it would compile and then fail when it is called.
    """
    from theano.scan_module.scan_op import Scan

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"theano.scan, and so RNN and LSTM, does not run on an OpenCL device ({device}):"
            " use FastRNN or FastLSTM, or the device cpu or cuda"
        )

    Scan.__init__ = __init__
