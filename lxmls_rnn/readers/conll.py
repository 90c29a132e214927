"""The lines of a CoNLL file: from bytes on disk to sentences of words and tags."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lxmls_rnn import memory
from lxmls_rnn.storage import files
from lxmls_rnn.storage.files import quoted

WORD_COLUMN = 1
TAG_COLUMN = 4
TOKEN_ID = re.compile(r"[0-9]{1,18}")
# CoNLL-U has two kinds of line that are no word: the range 8-9 of a contraction and the empty node 8.1.
RANGE_OR_EMPTY_NODE = re.compile(r"[0-9]+-[0-9]+|[0-9]+\.[0-9]+")


CHECK_EVERY = 1 << 17  # words: so often it is asked whether there is memory for as many more
WORD_BYTES = 400  # that a word takes while it is read, and then as a part of a sequence


class Token(NamedTuple):
    """A word, its tag and where it stands."""

    word: str
    tag: str
    line_number: int


def read_lines(file: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) of a UTF-8 file, plain or gzipped, without line ends and byte order mark.

    FileNotFoundError if there is no such file, OSError, which names it, if it cannot be read; ValueError if it is no
    regular file, a line is not UTF-8 or longer than `files.LONGEST_LINE`, or the gzip data are damaged or cut short.
    """
    return decoded(files.read_lines(file), file)


def decoded(lines: Iterable[tuple[int, bytes]], name: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a file as text; ValueError, with `name` and number, for one that is not UTF-8."""
    # Lines were cut as bytes: str.splitlines would also cut at characters that a word may hold.
    for number, raw in lines:
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            why = f"byte {error.object[error.start]:#04x}, {error.reason}"
            raise ValueError(f"{name}, line {number}: not UTF-8 ({why})") from None
        yield number, line.rstrip("\r\n")


def read_sentences(file: str | os.PathLike[str]) -> Iterator[list[Token]]:
    """Yield the sentences of a CoNLL file, each a list of at least one `Token`.

    Sentences are separated by blank lines. A line has five columns or more, the number of the word first, the
    word in column 2 and its tag in column 5; they are separated by tabs, or in a line without tabs by spaces.
    That covers the files of the CoNLL-X shared task (https://aclanthology.org/W06-2920/) and CoNLL-U
    (https://universaldependencies.org/format.html); comments, multiword ranges and empty nodes are skipped.

    Errors as `read_lines`, and ValueError for a line that is malformed, with the file, the line number and the line.
    MemoryError before the words so far, if all are kept, do not fit into memory.
    """
    sentence: list[Token] = []
    words = 0
    for line_number, line in read_lines(file):
        if not line.strip():
            if sentence:
                yield sentence
                sentence = []
            continue
        if line.startswith("#") and not sentence:
            continue
        try:
            columns = _split(line)
        except ValueError as error:
            raise ValueError(f"{file}, line {line_number}: {error}: {quoted(line)}") from None
        if TOKEN_ID.fullmatch(columns[0]):
            if int(columns[0]) != len(sentence) + 1:
                raise ValueError(
                    f"{file}, line {line_number}: word {columns[0]} where word {len(sentence) + 1} of the sentence was "
                    f"expected (is the blank line before it missing?): {quoted(line)}"
                )
            sentence.append(Token(columns[WORD_COLUMN], columns[TAG_COLUMN], line_number))
            words += 1
            if words % CHECK_EVERY == 0:
                # what has been read is no longer free; of it sequences are made
                memory.check(f"{file}, from line {line_number} on,", WORD_BYTES * (CHECK_EVERY + words // 2))
    if sentence:
        yield sentence


def _split(line: str) -> list[str]:
    """Return the columns of a word's line; the ValueError that it raises says only the reason."""
    if line.startswith("#"):
        raise ValueError("a comment inside a sentence (is the blank line before it missing?)")
    columns = line.split("\t") if "\t" in line else [column for column in line.split(" ") if column]
    columns = [column.strip() for column in columns]
    if not (TOKEN_ID.fullmatch(columns[0]) or RANGE_OR_EMPTY_NODE.fullmatch(columns[0])):
        raise ValueError(f"column 1 must be the number of the word in its sentence, got {quoted(columns[0])}")
    if len(columns) <= TAG_COLUMN:
        raise ValueError(f"expected at least {TAG_COLUMN + 1} columns, got {len(columns)}")
    if not columns[WORD_COLUMN] or not columns[TAG_COLUMN]:
        raise ValueError("the word (column 2) and the tag (column 5) must not be empty")
    return columns
