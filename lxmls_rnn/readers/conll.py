"""Reader of CoNLL files: from bytes on disk to sentences of words and tags."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lxmls_rnn.storage import files
from lxmls_rnn.storage.messages import quoted

WORD_COLUMN = 2
TAG_COLUMN = 5
ENCODINGS = ("utf-8", "latin-1", "cp1252", "iso8859-15")
TOKEN_ID = re.compile(r"[0-9]{1,18}")
# Two kinds of CoNLL-U lines are not words: the range 8-9 of a contraction, and the empty node 8.1.
RANGE_OR_EMPTY_NODE = re.compile(r"[0-9]+-[0-9]+|[0-9]+\.[0-9]+")
ROW = r"a row is such as '1\tThe\tthe\tDET\tDT': number, word, lemma, UPOS and XPOS, with tabs between them"


class Token(NamedTuple):
    """A word, its tag and its line in the file."""

    word: str
    tag: str
    line_number: int


def text_lines(file: str | os.PathLike[str], encoding: str = "utf-8", remedy: str = "") -> Iterator[tuple[int, str]]:
    """Yield (line number, line) of a text file, plain or gzipped, without line ends and byte order mark.

    Raises FileNotFoundError if the file does not exist, OSError with its name if it cannot be read, and ValueError if
    it is not a regular file, a line cannot be decoded or is longer than `files.MAX_LINE_BYTES`, or the gzip data are
    damaged or incomplete. The message for a line that cannot be decoded ends with `remedy`.
    """
    return decoded(files.read_lines(file), file, encoding, remedy)


def decoded(
    lines: Iterable[tuple[int, bytes]], name: str | os.PathLike[str], encoding: str = "utf-8", remedy: str = ""
) -> Iterator[tuple[int, str]]:
    """Decode numbered lines; raise ValueError if one is not valid in `encoding`.

    The message has the file's `name`, the line number and the `remedy`.
    """
    # The lines were split as bytes: str.splitlines would also split at characters that a word may contain.
    for number, raw in lines:
        try:
            line = raw.decode("utf-8-sig" if number == 1 and encoding == "utf-8" else encoding)
        except UnicodeDecodeError as error:
            why = f"byte {error.object[error.start]:#04x}, {error.reason}"
            raise ValueError(f"{name}, line {number}: not {encoding.upper()} ({why}){remedy}") from None
        yield number, line.rstrip("\r\n")


def check_encoding(encoding: str) -> None:
    """Raise ValueError unless `encoding` is one of `ENCODINGS`."""
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)}, got {quoted(encoding)}")


def read_sentences(
    file: str | os.PathLike[str], tag_column: int = TAG_COLUMN, encoding: str = "utf-8"
) -> Iterator[list[Token]]:
    """Yield the sentences of a CoNLL file, each a list of at least one `Token`.

    Blank lines separate the sentences. A line has the number of the word in column 1, the word in column 2, its tag in
    column `tag_column`. Tabs separate the columns, or spaces in a line without tabs.
    This covers the files of the CoNLL-X shared task (https://aclanthology.org/W06-2920/) and CoNLL-U
    (https://universaldependencies.org/format.html); comments, multiword ranges and empty nodes are skipped.

    Raises the errors of `text_lines`, and ValueError, with file, line number and line, for a malformed line.
    """
    sentence: list[Token] = []
    remedy = ": choose the file's encoding with More > Encoding or --encoding latin-1"
    for line_number, line in text_lines(file, encoding, remedy):
        if not line.strip():
            if sentence:
                yield sentence
                sentence = []
            continue
        if line.startswith("#") and not sentence:
            continue
        try:
            number, word, tag = _row(line, tag_column)
        except ValueError as error:
            raise ValueError(f"{file}, line {line_number}: {error}: {quoted(line)}") from None
        if number.isdigit():  # no range, no empty node
            if int(number) != len(sentence) + 1:
                raise ValueError(
                    f"{file}, line {line_number}: word {number} where word {len(sentence) + 1} of the sentence was "
                    f"expected (is the blank line before it missing?): {quoted(line)}"
                )
            sentence.append(Token(word, tag, line_number))
    if sentence:
        yield sentence


def _row(line: str, tag_column: int) -> tuple[str, str, str]:
    """Return the number, word and tag of a line; ValueError, whose message is only the reason, if it is malformed."""
    if line.startswith("#"):
        raise ValueError("a comment inside a sentence (is the blank line before it missing?)")
    columns = line.split("\t") if "\t" in line else [column for column in line.split(" ") if column]
    number = columns[0].strip()
    if not (TOKEN_ID.fullmatch(number) or RANGE_OR_EMPTY_NODE.fullmatch(number)):
        raise ValueError(f"column 1 must be the number of the word in its sentence, got {quoted(number)}; {ROW}")
    if len(columns) < tag_column:
        raise ValueError(f"expected at least {tag_column} columns, got {len(columns)}; {ROW}")
    word, tag = columns[WORD_COLUMN - 1].strip(), columns[tag_column - 1].strip()
    if not word or not tag:
        raise ValueError(f"the word (column {WORD_COLUMN}) and the tag (column {tag_column}) must not be empty")
    return number, word, tag
