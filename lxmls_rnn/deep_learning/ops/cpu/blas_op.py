"""Base class of Ops whose C++ code calls BLAS."""

from __future__ import annotations

from typing import Any

from theano_runtime.failures import CompileError

from lxmls_rnn.deep_learning.ops.cpu import c_source
from lxmls_rnn.theano_env.flags import python_headers

import theano  # isort: skip
from theano.tensor.blas_c import BaseBLAS  # isort: skip
from theano.tensor.blas_headers import blas_header_text  # isort: skip


class BlasOp(BaseBLAS, theano.Op):
    """An Op that runs as C code only, which is linked with Theano's BLAS."""

    _f16_ok = False

    def c_headers(self) -> list[str]:
        return ["<math.h>", "<pthread.h>", "<stdint.h>", "<stdlib.h>", "<string.h>"]

    def c_compile_args(self) -> list[str]:
        return [*super().c_compile_args(), *c_source.COMPILE_ARGS]

    def c_support_code(self) -> str:
        return blas_header_text()

    def make_thunk(self, *args: Any, **kwargs: Any) -> Any:
        """Compile the Op; CompileError if there is no compiler, or no headers of Python for it."""
        if not theano.config.cxx:
            missing = "no C++ compiler was" if python_headers().exists() else "Python's headers were not"
            raise CompileError(
                f"FastRNN and FastLSTM run as C code only, and {missing} found: `lxmls-rnn doctor` shows how to install"
                " what is missing. RNN, LSTM, NumpyRNN and NumpyLSTM work without"
            )
        return super().make_thunk(*args, **kwargs)

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        raise NotImplementedError(f"{type(self).__name__} runs as C code only")
