"""Messages for users: errors as sentences, and text that a terminal does not obey."""

import errno

import pytest

from lxmls_rnn.storage.messages import counted, escaped, in_words


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError("no run a"), "no run a"),
        (PermissionError(errno.EACCES, "Permission denied", b"caf\xe9"), "caf\\udce9: Permission denied"),
        (KeyError("a word"), "a word"),
        (MemoryError(), "not enough memory"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 5000), "x" * 1000 + "..."),
    ],
)
def test_an_error_in_words(error, text):
    assert in_words(error) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs")])
def test_one_thing_is_not_said_in_the_plural(number, text):
    assert counted(number, "epoch") == text


def test_what_a_terminal_obeys_is_escaped():
    text = "caf\u00e9 \x1b]0;X\a\x9b\r\n\u202e\u2066\u2028\udce9 \u4e2d"
    assert escaped(text) == "caf\u00e9 \\x1b]0;X\\x07\\x9b\\r\\n\\u202e\\u2066\\u2028\\udce9 \u4e2d"
    assert in_words(FileNotFoundError(errno.ENOENT, "none", "a\nError: b")) == "a\\nError: b: none"
    kept = "\u200f\u0633\u0644\u0627\u0645\u200e \u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert escaped(kept) == kept  # marks of right-to-left text
