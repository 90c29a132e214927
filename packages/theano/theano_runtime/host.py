"""The library that configures Theano, its host: a module that a package registers, else this one, with plain settings.

A package registers a module as an entry point of the group `theano_runtime.host`; it has what `Host` has.
"""

import functools
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from typing import Protocol, cast


class Host(Protocol):
    """What this package asks of its host."""

    importing: Callable[[], AbstractContextManager[None]]  # around the import of Theano
    ADVICE: str  # what to do about a compiler that fails
    GpuLost: Callable[[str], RuntimeError]  # from the driver's name of the error


class GpuLost(RuntimeError):
    """The GPU of this process has stopped working; `name` is the driver's name of the error."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the GPU has stopped working ({name}): restart this program")


importing = nullcontext
ADVICE = ""


@functools.cache
def host() -> Host:
    """Return the host's module."""
    registered = (found.load() for found in entry_points(group="theano_runtime.host"))
    return cast(Host, next(registered, sys.modules[__name__]))
