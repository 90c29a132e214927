"""Protocol Buffers, the encoding of ONNX files, as far as these files need it.

A message is a sequence of numbered fields. A field is a non-negative integer, or bytes with their length in front: a
text, an array or another message. See https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

MAX_FIELDS = 1000  # of a message that is read; an exported graph has about 50
VARINT, BYTES = 0, 2  # the kinds of fields


class Fields(NamedTuple):
    """The fields of a message by number, in their order."""

    integers: defaultdict[int, list[int]]
    parts: defaultdict[int, list[memoryview]]


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Return a message with these fields, each a number and a value."""
    encoded = []
    for number, value in fields:
        if isinstance(value, int):
            encoded += [_varint(number << 3 | VARINT), _varint(value)]
        else:
            part = value.encode() if isinstance(value, str) else value
            encoded += [_varint(number << 3 | BYTES), _varint(len(part)), part]
    return b"".join(encoded)


def _varint(value: int) -> bytes:
    """Return an integer in groups of seven bits, the lowest first; all but the last have the highest bit set."""
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def read(content: memoryview) -> Fields:
    """Return the fields of a message without copying their content.

    Raise ValueError if the message is damaged, has more than `MAX_FIELDS` fields, or has a field of another kind.
    """
    fields, at = Fields(defaultdict(list), defaultdict(list)), 0

    def varint() -> int:
        nonlocal at
        value = 0
        for shift in range(0, 64, 7):
            if at == len(content):
                break
            value |= (content[at] & 127) << shift
            at += 1
            if content[at - 1] < 128:
                return value
        raise ValueError(f"the integer before byte {at:,} has no end")

    for _ in range(MAX_FIELDS):
        if at == len(content):
            return fields
        number, kind = divmod(varint(), 8)
        value = varint()
        if kind == VARINT:
            fields.integers[number].append(value)
        elif kind == BYTES and value <= len(content) - at:
            fields.parts[number].append(content[at : at + value])
            at += value
        else:
            raise ValueError(f"the field before byte {at:,} has kind {kind} and {value:,} bytes")
    raise ValueError(f"a part of it has more than {MAX_FIELDS:,} fields, which is the limit")
