"""Word embeddings: download pretrained ones, build a tagger's matrix from a file, find similar words, draw a map."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lxmls_rnn import memory
from lxmls_rnn.datasets import DATASETS, fetch
from lxmls_rnn.deep_learning.parameters import check_choice
from lxmls_rnn.storage.files import read_lines
from lxmls_rnn.storage.messages import MAX_QUOTE_CHARACTERS, quoted

EMBEDDINGS = tuple(name for name, dataset in DATASETS.items() if all(file.vectors for file in dataset.files))
"""Names of the data sets that are word embeddings."""


def download_embeddings(name: str, target_file: str | Path) -> None:
    """Download embeddings to a text file with a word and its numbers on each line.

    If the file exists, it is only verified.

    Parameters
    ----------
    name : str
        `senna_50` or `glove_50`; `lxmls_rnn.datasets.DATASETS` describes them and their licences.
    target_file : str or Path
        The file to write.

    Raises
    ------
    ValueError
        `name` is unknown.
    lxmls_rnn.datasets.DownloadError
        The download is incomplete or wrong, or the file cannot be written.
    """
    if name not in EMBEDDINGS:
        raise ValueError(f"unknown embeddings {name!r}: expected one of {', '.join(EMBEDDINGS)}")
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
    """Build the embedding matrix of a vocabulary; words that the file lacks get random numbers.

    ``case="guide"`` is the lab guide's rule: a word of the file is put in lower case, and its vector is given to the
    word of the vocabulary with a capital first letter if that exists, else to the lower-case word. If the vocabulary
    has `The` and `the`, only `The` gets the vector. With ``case="best"`` each word of the vocabulary gets the vector
    of its exact form, else that of its lower-case form, so `The`, `the` and `THE` all get one.

    Prints the number of words found and the share of missing words.

    Parameters
    ----------
    embedding_path : str or Path
        UTF-8 text with a word and its numbers on each line, separated by spaces or tabs, like SENNA and GloVe.
        The first line may be the numbers of words and of dimensions, as word2vec writes. A file compressed with
        gzip is decompressed, whatever its name. Blank lines are skipped.
    word_dict : mapping of str to int
        The vocabulary: word -> id; the ids are 0 .. n_words - 1.
    seed : int, optional
        Seed of the random numbers: ``RandomState(seed).uniform(size=(n_emb, n_words))`` is drawn first, then the
        columns of the words found are overwritten.
    case : {"guide", "best"}
        Rule for upper and lower case.

    Returns
    -------
    E : ndarray of float64, shape (n_emb, n_words), Fortran order
        Column j is the embedding of the word with id j. If the file has a word twice, the last line counts.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        The lines differ in width; the vector of a word of the vocabulary, or of the first line, has an entry that is
        not a finite number; the file is empty, has no word of the vocabulary, does not have the number of words that
        its first line states, or its compressed data is incomplete; the ids are not 0 .. n_words - 1; `case` is
        unknown.
    OSError
        The file cannot be read; the message names it.
    MemoryError
        The embeddings do not fit into memory.
    """
    check_choice("case", case, ("guide", "best"))
    n_words = len(word_dict)
    if n_words == 0 or set(word_dict.values()) != set(range(n_words)):
        raise ValueError(f"word_dict must map {n_words or 'one or more'} words to the ids 0, 1, ... without gaps")
    path = Path(embedding_path)
    users = _users(word_dict, case)
    E: NDArray[np.float64] | None = None
    exact = np.zeros(n_words, dtype=bool)
    has_vector = np.zeros(n_words, dtype=bool)
    for number, n_emb, fields in _read_lines(path):
        if E is None:
            _parse(fields[1:], path, number)  # raises ValueError unless this is a file of embeddings
            what = f"a matrix of {n_words:,} embeddings of {n_emb:,} numbers"
            memory.check(what, 2 * memory.size_of([(n_emb, n_words)], "float64"))
            E = np.asfortranarray(np.random.RandomState(seed).uniform(size=(n_emb, n_words)))
        word = fields[0].decode("utf-8", errors="replace")
        for idx, is_exact in users(word):
            if is_exact or not exact[idx]:
                E[:, idx] = _parse(fields[1:], path, number)
                has_vector[idx] = True
                exact[idx] |= is_exact
    if E is None:
        raise ValueError(f"{path}: no embeddings in this file; expected a word and its numbers on each line")
    n_found = int(has_vector.sum())
    if n_found == 0:
        raise ValueError(f"{path}: none of the {n_words} words of the vocabulary has an embedding in this file")
    print(f"Getting embeddings for the vocabulary {n_found}/{n_words}")
    print(f"{100 * (1 - n_found / n_words):.1f}% missing embeddings, set to random")
    return E


def _users(word_dict: Mapping[str, int], case: str) -> Callable[[str], list[tuple[int, bool]]]:
    """Return a function from a word of the file to the ids that use its vector, each with whether the word is exact."""

    def of_guide(word: str) -> list[tuple[int, bool]]:
        word = word.lower()
        idx = word_dict.get(word[:1].upper() + word[1:], word_dict.get(word))
        return [] if idx is None else [(idx, True)]

    if case == "guide":
        return of_guide
    users = defaultdict(list)
    for word, idx in word_dict.items():
        for form in {word, word.lower()}:
            users[form].append((idx, form == word))
    return lambda word: users.get(word, [])


def embedding_size(source_file: str | Path) -> int:
    """Return the dimension of the embeddings in a file; reads only its first lines.

    Raises FileNotFoundError if the file does not exist, ValueError if it has no embeddings.
    """
    for _, n_emb, _ in _read_lines(Path(source_file)):
        return n_emb
    raise ValueError(f"{source_file}: no embeddings in this file; expected a word and its numbers on each line")


def _read_lines(path: Path) -> Iterator[tuple[int, int, list[bytes]]]:
    """Yield (line number, n_emb, fields) for each line with a word; ValueError if the lines differ in width.

    Splits bytes, not text, because a word may contain Unicode spaces or line ends.
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
                        raise ValueError(f"{path}, line {number}: states embeddings of 0 numbers")
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
        raise ValueError(f"{path}: line 1 states {announced} words, but {count} follow: the file is incomplete")


def _parse(numbers: list[bytes], path: Path, line_number: int) -> NDArray[np.float64]:
    values = []
    try:
        for number in numbers:
            if b"_" in number:  # Python reads 1_0 as 10
                raise ValueError
            values.append(float(number))
    except ValueError:
        bad = number.decode(errors="replace")
        raise ValueError(f"{path}, line {line_number}: expected {len(numbers)} numbers: got {quoted(bad)}") from None
    vector = np.array(values)
    if not np.isfinite(vector).all():
        bad = numbers[np.flatnonzero(~np.isfinite(vector))[0]].decode(errors="replace")
        raise ValueError(f"{path}, line {line_number}: expected finite numbers, got {bad[:MAX_QUOTE_CHARACTERS]}")
    return vector


def neighbours(E: np.ndarray, word: int, n: int = 10) -> list[tuple[int, float]]:
    """Return the ids of the words most similar to a word, with the cosine similarity of the embeddings.

    Parameters
    ----------
    E
        Embeddings, (n_emb, n_words). The cosine with a vector of zeros is 0.
    word
        Id of the word.
    n
        Number of words to return, without the word itself.

    Raises
    ------
    IndexError
        The id is out of range.
    """
    if not 0 <= word < E.shape[1]:
        raise IndexError(f"word must be an id from 0 to {E.shape[1] - 1}, got {word}")
    directions = unit_columns(E)
    cosines = np.clip(directions[:, word] @ directions, -1, 1)
    order = np.argsort(-cosines, kind="stable")
    return [(int(other), float(cosines[other])) for other in order if other != word][:n]


def unit_columns(E: np.ndarray) -> np.ndarray:
    """Return the columns of a matrix scaled to length 1; columns of zeros stay unchanged."""
    lengths = np.linalg.norm(E, axis=0)
    return E / np.where(lengths == 0, 1, lengths)


def principal_components(E: np.ndarray, axes_of: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Project vectors onto the first two principal components, of their own or of other vectors.

    Parameters
    ----------
    E
        One vector per column, (n_emb, n_words).
    axes_of
        The vectors that determine the components and the mean, (n_emb, any number); by default E. Coordinates of
        different vectors can be compared if they have the same `axes_of`.

    Returns
    -------
    coordinates
        (2, n_words), of mean 0 for the vectors `axes_of`; rows of zeros if there are fewer than two components.
    shares
        (2,), the share of the variance of E in each component.
    """
    axes_of = E if axes_of is None else axes_of
    mean = axes_of.mean(axis=1, keepdims=True)
    U = np.linalg.svd(axes_of - mean, full_matrices=False)[0][:, :2]
    coordinates = np.zeros((2, E.shape[1]))
    coordinates[: U.shape[1]] = U.T @ (E - mean)
    total = float(E.var(axis=1).sum())
    return coordinates, coordinates.var(axis=1) / total if total else np.zeros(2)
