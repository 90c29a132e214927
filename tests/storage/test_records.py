"""JSON is read with its types checked: an error names file and field, and is short."""

import json
from dataclasses import dataclass
from typing import Annotated

import pytest

from lxmls_rnn.storage import records


@dataclass(frozen=True)
class Inner:
    n: records.Count
    rate: float = 0.5

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    more: list[int] | None = None


def test_a_float_may_be_written_as_an_integer_and_more_entries_are_passed_over(tmp_path):
    (tmp_path / "a").write_text('{"name": "b", "inner": {"n": 3, "rate": 1}, "later": true}')
    assert records.read(Outer, tmp_path / "a") == Outer("b", Inner(3, 1.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": 1, "inner": {"n": 1}}', "name: should be a valid string, got 1"),
        ('{"name": "a", "inner": {"n": 1.0}}', "inner.n: should be a valid integer, got 1.0"),
        ('{"name": "a", "inner": {"n": -1}}', "inner.n: should be greater than or equal to 0, got -1"),
        (
            '{"name": "a", "inner": {"n": 9223372036854775808}}',
            "inner.n: should be less than or equal to 9223372036854775807, got 9223372036854775808",
        ),
        ('{"name": "a", "inner": {"n": 1, "m": 1}}', "inner.m: unexpected keyword argument, got 1"),
        ('{"name": "a"}', "inner: field required"),
        ('{"name": "a", "inner": {"n": 1}, "more": [1, "2"]}', "more.1: should be a valid integer, got '2'"),
        ("[]", "should be an object, got []"),
        ("[" * 100_000, "invalid JSON: recursion limit exceeded"),
        ("1" * 5000, "invalid JSON: number out of range"),
        ('{"name": "' + "x" * 10**6 + '", "inner": 5}', "inner: should be an object, got 5"),
        ('{"name": ' + "5, " * 10, "invalid JSON"),
    ],
)
def test_an_error_names_the_file_and_the_field(tmp_path, text, message):
    (tmp_path / "a").write_text(text)
    with pytest.raises(ValueError, match="a: ") as error:
        records.read(Outer, tmp_path / "a")
    assert str(error.value).startswith(f"{tmp_path / 'a'}: {message}")
    assert len(str(error.value)) < 500


def test_commas_and_brackets_in_a_text_are_no_values(tmp_path):
    text = 'a "quoted\\" [1, 2], ' * 100_000
    (tmp_path / "a").write_text(json.dumps({"a": text}))
    assert records.read(dict[str, str], tmp_path / "a") == {"a": text}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize(("kind", "around"), [(float, "%s"), (dict[str, list[float | None]], '{"a": [1, %s]}')])
def test_a_number_is_finite(kind, around, text):
    with pytest.raises(ValueError, match="should be a finite number"):
        records.parse(kind, around % text)


def test_no_more_than_three_errors_are_told():
    with pytest.raises(ValueError, match=r"; and 17 more$"):
        records.parse(list[int], str(["a"] * 20).replace("'", '"'))


def test_a_value_has_the_name_of_its_field():
    with pytest.raises(ValueError, match=r"^version: should be a valid integer, got None$"):
        records.check(int, None, "version")
    with pytest.raises(ValueError, match=r"^inner\.n: should be a valid integer, got 'x'$"):
        records.check(Inner, {"n": "x"}, "inner")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" + "1," * 200_000 + "1]", "more than 200,000 commas and brackets"),
        (" " * 9_000_000, "larger than 8,388,608"),
    ],
)
def test_a_file_that_would_take_much_memory_is_not_read(tmp_path, text, message):
    (tmp_path / "a").write_text(text)
    with pytest.raises(ValueError, match=f"a: .*{message}"):
        records.read(list[int], tmp_path / "a")


def test_a_long_list_is_read_up_to_the_first_wrong_value():
    with pytest.raises(ValueError, match=r"^1: should be a valid integer, got 'a'$"):
        records.parse(Annotated[list[int], records.StopAtFirstError()], '[1, "a", "b"]')


def test_of_a_thousand_errors_in_a_field_the_field_is_told():
    wrong = {str(n): "" for n in range(1001)}
    with pytest.raises(ValueError, match=r"^checksums: 1,001 values in it are invalid$"):
        records.check(dict[str, int], wrong, "checksums")
    with pytest.raises(ValueError, match=r"and 997 more$"):
        records.check(dict[str, int], dict(list(wrong.items())[1:]), "checksums")
