"""Protocol Buffers: messages of the encoding's own guide, integers and texts back, damaged messages refused."""

import pytest

from lxmls_rnn.export import protobuf


@pytest.mark.parametrize(
    ("field", "encoded"),
    [((1, 150), "08 96 01"), ((2, "testing"), "12 07 74 65 73 74 69 6e 67"), ((16, 0), "80 01 00")],
)
def test_a_field_is_encoded_as_the_guide_says(field, encoded):
    assert protobuf.message(field).hex(" ") == encoded


@pytest.mark.parametrize("value", [0, 1, 127, 128, 2**31, 2**63 - 1])
def test_integers_and_texts_are_read_as_they_were_written(value):
    fields = protobuf.read(memoryview(protobuf.message((1, value), (16, "é" * 200), (1, 5), (2, b""))))
    assert fields.integers == {1: [value, 5]}
    assert {number: list(map(bytes, parts)) for number, parts in fields.parts.items()} == {
        16: ["é".encode() * 200],
        2: [b""],
    }


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        ("08", "the integer before byte 1 has no end"),
        ("08 96", "the integer before byte 2 has no end"),
        ("08" + " ff" * 11, "the integer before byte 11 has no end"),
        ("12 07 74", "the field before byte 2 has kind 2 and 7 bytes"),
        ("0d 01 02 03 04", "the field before byte 2 has kind 5 and 1 bytes"),
    ],
)
def test_a_damaged_message_is_refused(encoded, message):
    with pytest.raises(ValueError, match=message):
        protobuf.read(memoryview(bytes.fromhex(encoded)))


def test_more_fields_than_the_limit_are_refused():
    field = protobuf.message((1, 0))
    assert len(protobuf.read(memoryview(field * (protobuf.MAX_FIELDS - 1))).integers[1]) == protobuf.MAX_FIELDS - 1
    with pytest.raises(ValueError, match=f"more than {protobuf.MAX_FIELDS:,} fields"):
        protobuf.read(memoryview(field * (protobuf.MAX_FIELDS + 1)))
