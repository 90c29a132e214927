"""The library that configures Theano, its host: `lxmls_rnn`, or where that is missing this module, with plain settings.

`lxmls_rnn.theano_env.load` has what this module defines: `importing`, `ADVICE` and `GpuLost`.
"""

import functools
import sys
from contextlib import nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any

importing = nullcontext  # a context manager around the import of Theano
ADVICE = ""  # what to do about a compiler that fails


class GpuLost(RuntimeError):
    """The GPU of this process has stopped working; `name` is the driver's name of the error."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the GPU has stopped working ({name}): restart this program")


@functools.cache
def host() -> Any:
    """Return the host's module."""
    return import_module("lxmls_rnn.theano_env.load") if find_spec("lxmls_rnn") else sys.modules[__name__]
