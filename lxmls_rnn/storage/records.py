"""JSON read with its types checked: an error names the file and the field.

A type is a data class or a named tuple whose annotations say what is expected. A float takes an integer too; nothing
else is taken for something else. Entries that a type does not have are passed over, unless it has
``__pydantic_config__ = {"extra": "forbid"}``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from lxmls_rnn.storage.files import quoted, read_regular

if TYPE_CHECKING:
    import pydantic

T = TypeVar("T")
MAX_REPORTED_ERRORS = 3  # of several errors, so many are told
MAX_FILE_BYTES = 8 << 20  # bytes of a file; a sweep of 10,000 trainings that all failed has 3 million
MAX_VALUES = 200_000  # in a file: one that does not fit takes a kilobyte, and ten microseconds
MAX_DETAILED_ERRORS = 1000  # of more, none is told


@dataclass(frozen=True)
class Between:
    """In an annotation: a number from `least` to `most`."""

    least: float
    most: float

    def __get_pydantic_core_schema__(self, kind: Any, handler: Any) -> dict[str, Any]:
        """Say so to pydantic, whose own means would bring it to who only imports a type."""
        return {**handler(kind), "ge": self.least, "le": self.most}


@dataclass(frozen=True)
class StopAtFirstError:
    """In an annotation of a long list: reading ends at the first value that is wrong, for an error takes a kilobyte."""

    def __get_pydantic_core_schema__(self, kind: Any, handler: Any) -> dict[str, Any]:
        """Say so to pydantic."""
        return {**handler(kind), "fail_fast": True}


Count = Annotated[int, Between(0, 2**63 - 1)]


def read(kind: type[T], path: str | os.PathLike[str]) -> T:
    """Read a file of JSON as a `kind`.

    OSError if it cannot be read; ValueError if it is no regular file, larger than `MAX_FILE_BYTES` or of more than
    `MAX_VALUES`, no JSON, or not of that kind.
    """
    content = read_regular(path, MAX_FILE_BYTES)
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ValueError(f"{path}: it has more than {MAX_VALUES:,} commas and brackets, expected at most so many")
    try:
        return parse(kind, content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse(kind: type[T], text: bytes | str, field: str = "") -> T:
    """Return what JSON says as a `kind`; ValueError, which names the field, where it does not fit.

    `field` is the field of something larger whose value the text is.
    """
    import pydantic  # takes a tenth of a second

    try:
        return _adapter(kind).validate_json(text, strict=True)  # type: ignore[arg-type]
    except pydantic.ValidationError as error:
        raise ValueError(_in_words(error, field)) from None


def check(kind: type[T], content: Any, field: str = "") -> T:
    """As `parse`, for what has been read as a plain dictionary, or is the value of a `field` of one."""
    from pydantic_core import to_json

    return parse(kind, to_json(content), field)


def prepare(*kinds: Any) -> None:
    """Make now what reads these kinds: the first time takes some tenths of a second, with the import of pydantic."""
    for kind in kinds:
        _adapter(kind)


@cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    import pydantic

    return pydantic.TypeAdapter(kind)


def _in_words(error: pydantic.ValidationError, within: str) -> str:
    if error.error_count() > MAX_DETAILED_ERRORS:
        return f"{within + ': ' if within else ''}{error.error_count():,} values in it are not what they should be"
    told = []
    for entry in error.errors(include_url=False)[:MAX_REPORTED_ERRORS]:
        field = ".".join(map(str, (within, *entry["loc"]) if within else entry["loc"]))[:200]
        why = entry["msg"].removeprefix("Value error, ").removeprefix("Input ")[:300]
        got = "" if entry["type"] in ("missing", "value_error", "json_invalid") else f", got {quoted(entry['input'])}"
        told.append(f"{field + ': ' if field else ''}{why[:1].lower()}{why[1:]}{got}")
    more = error.error_count() - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")
