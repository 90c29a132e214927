"""The installed package that configures Theano, its host.

A host names its module by an entry point in the group ``theano.host``. The module has what this one defines:
`importing`, `ADVICE` and `GpuLost`. Without a host Theano has its own settings.
"""

import functools
import sys
from contextlib import nullcontext
from importlib.metadata import entry_points
from typing import Any

GROUP = "theano.host"

importing = nullcontext  # a context manager around the import of Theano
ADVICE = ""  # what to do about a compiler that fails


class GpuLost(RuntimeError):
    """The GPU of this process has stopped working; `name` is the driver's name of the error."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the GPU has stopped working ({name}): restart this program")


@functools.cache
def host() -> Any:
    """Return the host's module, or this one if no installed package is a host."""
    found = sorted(entry_points(group=GROUP))
    return found[0].load() if found else sys.modules[__name__]
