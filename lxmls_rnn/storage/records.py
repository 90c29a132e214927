"""Type-checked reading of JSON, with errors that name the file and the field.

A type is a data class or a named tuple whose annotations say what is expected. An integer is accepted where a float is
expected; no other conversion is made. A float must be finite. Unknown entries are ignored, unless the type has
``__pydantic_config__ = {"extra": "forbid"}``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar, cast

from lxmls_rnn.storage.files import read_regular
from lxmls_rnn.storage.messages import quoted

if TYPE_CHECKING:
    import pydantic
    import pydantic_core

T = TypeVar("T")
MAX_REPORTED_ERRORS = 3  # in one message
MAX_FILE_BYTES = 8 << 20  # a sweep of 10,000 failed trainings has a file of 3 million bytes
MAX_VALUES = 200_000  # in a file: each invalid value takes a kilobyte and ten microseconds
MAX_DETAILED_ERRORS = 1000  # of more errors only the number is reported


@dataclass(frozen=True)
class Between:
    """An annotation of a number: it must lie between `least` and `most`."""

    least: float
    most: float

    def __get_pydantic_core_schema__(self, kind: object, handler: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
        """Add the bounds to pydantic's schema; modules with such types then need not import pydantic, which is slow."""
        return {**handler(kind), "ge": self.least, "le": self.most}


@dataclass(frozen=True)
class StopAtFirstError:
    """An annotation of a long list: report its first invalid value alone, since each error takes a kilobyte."""

    def __get_pydantic_core_schema__(self, kind: object, handler: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
        """Add the option to pydantic's schema."""
        return {**handler(kind), "fail_fast": True}


Count = Annotated[int, Between(0, 2**63 - 1)]


class OtherFormatError(ValueError):
    """A file is of another format or version than is expected, or says none."""


class Format(NamedTuple):
    """The format of a file, which the file says in the entries `format` and `version`."""

    format: str
    version: int = 1

    def check(self, content: Mapping[str, Any]) -> None:
        """Raise OtherFormatError if the content of a file says another format or version, or none."""
        actual = content.get("format"), content.get("version")
        if actual != tuple(self):
            says = f"its format is {quoted(actual[0])}, version {quoted(actual[1])}"
            raise OtherFormatError(
                f"{says if actual[0] else 'it does not say its format'}, expected {self.format!r}, version "
                f"{self.version}: open it with the lxmls-rnn that wrote it, or make it again"
            )


def read(kind: type[T], path: str | os.PathLike[str], form: Format | None = None) -> T:
    """Read a JSON file as an object of type `kind`.

    Raise OSError if it cannot be read, and ValueError if it is not a regular file, has more than `MAX_FILE_BYTES` or
    `MAX_VALUES`, is not JSON or does not match the type, OtherFormatError if it does not say the format `form`.
    """
    content = read_json(path)
    try:
        if form is not None:
            form.check(parse(dict[str, Any], content))
        return parse(kind, content)
    except OtherFormatError as error:
        raise OtherFormatError(f"{path}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_entries(kind: type[T], path: str | os.PathLike[str], form: Format) -> dict[str, T]:
    """Return the entries, by name, that `entries_text` wrote, each checked as a `kind`; errors as `read`."""
    entries = read(dict[str, Any], path, form).get("entries")
    try:
        return check(dict[str, kind], entries, "entries")  # type: ignore[valid-type]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def entries_text(entries: Mapping[str, Any], form: Format) -> str:
    """Return the text of a JSON file of named entries, which are JSON themselves."""
    return json.dumps({**form._asdict(), "entries": entries}, indent=1)


def read_json(path: str | os.PathLike[str], most: int = MAX_FILE_BYTES) -> bytes:
    """Read a JSON file of at most `most` bytes and `MAX_VALUES` without parsing it; OSError or ValueError as `read`."""
    content = read_regular(path, most)
    unescaped = content.replace(rb"\\", b"").replace(rb"\"", b"")
    without_texts = re.sub(rb'"[^"]*"', b"", unescaped)
    if sum(map(without_texts.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ValueError(f"{path}: it has more than {MAX_VALUES:,} commas and brackets, which is the limit")
    return content


def parse(kind: type[T], text: bytes | str, field: str = "") -> T:
    """Return JSON text as an object of type `kind`; raise ValueError, which names the field, if it does not match.

    `field` is the name of the enclosing field, for messages, if the text is only a part of a document.
    """
    import pydantic  # takes a tenth of a second

    try:
        return cast(T, _validator(kind).validate_json(text, strict=True))  # type: ignore[arg-type]
    except pydantic.ValidationError as error:
        raise ValueError(_in_words(error, field)) from None


def check(kind: type[T], content: object, field: str = "") -> T:
    """Like `parse`, for a value that was already decoded from JSON, such as a dictionary or the value of a `field`."""
    from pydantic_core import to_json

    return parse(kind, to_json(content), field)


def prepare(*kinds: type) -> None:
    """Import pydantic and build the validators of these types, so that the first `read` is not slow."""
    for kind in kinds:
        _validator(kind)


@cache
def _validator(kind: type) -> pydantic_core.SchemaValidator:
    import pydantic
    import pydantic_core

    return pydantic_core.SchemaValidator(cast(Any, _finite(pydantic.TypeAdapter(kind).core_schema)))


def _finite(schema: object) -> object:
    """Return pydantic's schema with every float finite: NaN and Infinity are not JSON, but pydantic reads them."""
    if isinstance(schema, list):
        return [_finite(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    finite = {"allow_inf_nan": False} if schema.get("type") == "float" else {}
    return {name: _finite(part) for name, part in schema.items()} | finite


def _in_words(error: pydantic.ValidationError, within: str) -> str:
    if error.error_count() > MAX_DETAILED_ERRORS:
        return f"{within + ': ' if within else ''}{error.error_count():,} values in it are invalid"
    messages = []
    for entry in error.errors(include_url=False)[:MAX_REPORTED_ERRORS]:
        field = ".".join(map(str, (within, *entry["loc"]) if within else entry["loc"]))[:200]
        why = entry["msg"].removeprefix("Value error, ").removeprefix("Input ")[:300]
        got = "" if entry["type"] in ("missing", "value_error", "json_invalid") else f", got {quoted(entry['input'])}"
        messages.append(f"{field + ': ' if field else ''}{why[:1].lower()}{why[1:]}{got}")
    more = error.error_count() - len(messages)
    return "; ".join(messages) + (f"; and {more} more" if more > 0 else "")
