"""A module of the library or the lab that is not there when marks are computed: each of its names does nothing."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any


class NotThereWhenMarking:
    """Stand-in for a function, class or object: a call or an attribute gives another one; it is false and empty."""

    def __init__(self, name: str) -> None:
        self.missing = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "installed":  # `if check.installed("torch"): import torch`
            return lambda framework: find_spec(framework) is not None
        return NotThereWhenMarking(f"{self.missing}.{name}")

    def __call__(self, *arguments: object, **options: object) -> Any:  # noqa: D102
        return NotThereWhenMarking(f"{self.missing}(...)")

    def __mro_entries__(self, bases: object) -> tuple[type, ...]:
        return ()  # a class that derives from it

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None: ...

    def __format__(self, how: str) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"<{self.missing} is not there when marking>"


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return NotThereWhenMarking(name)
