"""Pretrained word embeddings: fetching them, and laying them out as the first layer of a tagger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lxmls_rnn import memory
from lxmls_rnn.datasets import DATASETS, fetch
from lxmls_rnn.storage.files import LONGEST_QUOTE, quoted, read_lines

EMBEDDINGS = tuple(name for name, dataset in DATASETS.items() if all(file.vectors for file in dataset.files))
"""The data sets that are embeddings."""


def download_embeddings(name: str, target_file: str | Path) -> None:
    """Fetch embeddings into one text file, a word and its numbers on each line.

    Does nothing but verify the file if it is already there.

    Parameters
    ----------
    name : str
        `senna_50` or `glove_50`; what they are and their licences: `lxmls_rnn.datasets.DATASETS`.
    target_file : str or Path
        The file to leave.

    Raises
    ------
    ValueError
        No embeddings have this name.
    lxmls_rnn.datasets.DownloadError
        They did not arrive whole, or cannot be written.
    """
    if name not in EMBEDDINGS:
        raise ValueError(f"no embeddings are called {name!r}; there are {', '.join(EMBEDDINGS)}")
    target = Path(target_file)
    dataset = DATASETS[name]
    fetch(replace(dataset, files=(replace(dataset.files[0], name=target.name),)), target.parent)


def extract_embeddings(
    embedding_path: str | Path,
    word_dict: Mapping[str, int],
    seed: int | None = None,
    *,
    case: Literal["guide", "best"] = "guide",
) -> NDArray[np.float64]:
    """Build the matrix of embeddings of a vocabulary; words without one get random numbers.

    With ``case="guide"``, the lab guide's rule, a word of the file is put in lower case and its vector goes
    to the vocabulary's word with a capital first letter if there is one, else to the word in lower case: of
    `The` and `the` only `The` gets it. With ``case="best"`` every word of the vocabulary gets the vector of
    its exact form, else that of its lower-case form, so `The`, `the` and `THE` all get one.

    Prints how many words of the vocabulary were found, and the share that was not.

    Parameters
    ----------
    embedding_path : str or Path
        Text in UTF-8, a word and its numbers on each line, apart by spaces or tabs, as SENNA and GloVe come.
        A first line of just the number of words and of dimensions, as word2vec writes it, is understood.
        A file that is compressed with gzip is decompressed, whatever its name. Blank lines are passed over.
    word_dict : mapping of str to int
        The vocabulary: word -> id, the ids being 0 .. n_words - 1.
    seed : int, optional
        Fixes the random numbers: ``RandomState(seed).uniform(size=(n_emb, n_words))`` is drawn first, and the
        columns of the words found are written over.
    case : {"guide", "best"}
        How upper and lower case are matched.

    Returns
    -------
    E : ndarray of float64, shape (n_emb, n_words), Fortran order
        Column j is the embedding of the word with id j. When a file holds a word twice, the last line counts.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        A line has another width than the first; a word that is needed, or the first one, has something that is no
        number, or not a finite one; the file has no lines, none for any of the words, not as many as its first line
        says, or ends in the middle of its compressed data; the ids are not 0 .. n_words - 1; `case` is unknown.
    OSError
        It cannot be read; names it.
    MemoryError
        The embeddings do not fit into memory.
    """
    if case not in ("guide", "best"):
        raise ValueError(f"case must be 'guide' or 'best', got {case!r}")
    n_words = len(word_dict)
    if n_words == 0 or set(word_dict.values()) != set(range(n_words)):
        raise ValueError(f"word_dict must map {n_words or 'one or more'} words to the ids 0, 1, ... without gaps")
    path = Path(embedding_path)
    wanted = _Wanted(word_dict, case)
    E: NDArray[np.float64] | None = None
    exact = np.zeros(n_words, dtype=bool)
    found = np.zeros(n_words, dtype=bool)
    for number, n_emb, fields in _read_lines(path):
        if E is None:
            _parse(fields[1:], path, number)  # this is a file of embeddings
            what = f"a matrix of {n_words:,} embeddings of {n_emb:,} numbers"
            memory.check(what, 2 * memory.size_of([(n_emb, n_words)], "float64"))
            E = np.asfortranarray(np.random.RandomState(seed).uniform(size=(n_emb, n_words)))
        word = fields[0].decode("utf-8", errors="replace")
        for idx, is_exact in wanted.by(word):
            if is_exact or not exact[idx]:
                E[:, idx] = _parse(fields[1:], path, number)
                found[idx] = True
                exact[idx] |= is_exact
    if E is None:
        raise ValueError(f"{path}: no embeddings in this file; expected a word and its numbers on each line")
    n_found = int(found.sum())
    if n_found == 0:
        raise ValueError(f"{path}: none of the {n_words} words of the vocabulary has an embedding in this file")
    print(f"Getting embeddings for the vocabulary {n_found}/{n_words}")
    print(f"{100 * (1 - n_found / n_words):.1f}% missing embeddings, set to random")
    return E


class _Wanted:
    """Which ids of a vocabulary want the vector of a word of the file."""

    def __init__(self, word_dict: Mapping[str, int], case: str) -> None:
        self._ids = dict(word_dict)
        self._guide = case == "guide"
        self._lower: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        if not self._guide:
            for word, idx in word_dict.items():
                if word.lower() != word:
                    self._lower[word.lower()].append((idx, False))

    def by(self, word: str) -> list[tuple[int, bool]]:
        """Return (id, whether the word is its exact form) of all that want it."""
        if self._guide:
            word = word.lower()
            idx = self._ids.get(word[:1].upper() + word[1:], self._ids.get(word))
            return [] if idx is None else [(idx, True)]
        idx = self._ids.get(word)
        others = self._lower.get(word, [])
        return others if idx is None else [(idx, True), *others]


def embedding_size(source_file: str | Path) -> int:
    """Return how many numbers a file of embeddings has for a word, as its first lines say.

    FileNotFoundError if there is no such file, ValueError if it holds no embeddings.
    """
    for _, n_emb, _ in _read_lines(Path(source_file)):
        return n_emb
    raise ValueError(f"{source_file} holds no embeddings")


def _read_lines(path: Path) -> Iterator[tuple[int, int, list[bytes]]]:
    """Yield (line number, n_emb, fields) for each word's line, all of the same width.

    Bytes are split, not text: a word may hold what Unicode takes for a space or a line's end.
    """
    n_emb, announced, count = 0, None, 0
    try:
        for number, line in read_lines(path):
            fields = line.split()
            if not fields:
                continue
            if not n_emb:
                if len(fields) == 2 and all(field.isdigit() and len(field) < 10 for field in fields):
                    announced, n_emb = int(fields[0]), int(fields[1])
                    if not n_emb:
                        raise ValueError(f"{path}, line {number}: announces embeddings of 0 numbers")
                    continue
                n_emb = max(len(fields) - 1, 1)
            if len(fields) - 1 != n_emb:
                raise ValueError(f"{path}, line {number}: expected a word and {n_emb} numbers, got {len(fields) - 1}")
            count += 1
            yield number, n_emb, fields
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: no such file; fetch it with `lxmls-rnn fetch senna_50` or `lxmls-rnn fetch glove_50`"
        ) from None
    if announced is not None and count != announced:
        raise ValueError(f"{path}: line 1 announces {announced} words, but {count} follow: the file is not whole")


def _parse(numbers: list[bytes], path: Path, line_number: int) -> NDArray[np.float64]:
    values = []
    try:
        for number in numbers:
            values.append(float(number))
    except ValueError:
        bad = number.decode(errors="replace")
        raise ValueError(f"{path}, line {line_number}: expected {len(numbers)} numbers: got {quoted(bad)}") from None
    vector = np.array(values)
    if not np.isfinite(vector).all():
        bad = numbers[np.flatnonzero(~np.isfinite(vector))[0]].decode(errors="replace")
        raise ValueError(f"{path}, line {line_number}: expected finite numbers, got {bad[:LONGEST_QUOTE]}")
    return vector
