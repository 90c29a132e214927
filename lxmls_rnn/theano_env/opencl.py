"""The limits of Theano 1.0.5 on an OpenCL device, refused or kept on the CPU; found by trying it on PoCL."""

from typing import Any

# Their GPU versions do not compile as OpenCL: the CPU's are taken.
LIFTERS = "local_gpua_crossentropysoftmaxargmax1hotwithbias:local_gpua_crossentropysoftmax1hotwithbiasdx"


def refuse_scan(device: str) -> None:
    """Let ``theano.scan`` say at once that it does not run on OpenCL.

    Its loop asks for CUDA pointers: it compiles, and fails when it is called.
    """
    from theano.scan_module.scan_op import Scan

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"theano.scan, and so RNN and LSTM, does not run on an OpenCL device ({device}):"
            " take FastRNN or FastLSTM, or the device cpu or cuda"
        )

    Scan.__init__ = __init__
