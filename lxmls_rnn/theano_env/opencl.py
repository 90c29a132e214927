"""Limits of Theano 1.0.5 on OpenCL devices, found by trials on PoCL: raise an error, or stay on the CPU."""

from typing import Any

# Their GPU versions do not compile as OpenCL: the CPU's are taken.
LIFTERS = "local_gpua_crossentropysoftmaxargmax1hotwithbias:local_gpua_crossentropysoftmax1hotwithbiasdx"


def refuse_scan(device: str) -> None:
    """Make ``theano.scan`` raise NotImplementedError on OpenCL.

    Its loop needs CUDA pointers: it would compile, and fail only when it is called.
    """
    from theano.scan_module.scan_op import Scan

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"theano.scan, and so RNN and LSTM, does not run on an OpenCL device ({device}):"
            " take FastRNN or FastLSTM, or the device cpu or cuda"
        )

    Scan.__init__ = __init__
