"""Labelled sentences and lists of them."""

from __future__ import annotations

import collections.abc
from collections.abc import Iterable, Iterator, Mapping
from typing import overload

import numpy as np
import numpy.typing as npt

from lxmls_rnn.sequences.label_dictionary import LabelDictionary

Ids = list[int] | npt.NDArray[np.int32]


class Sequence:
    """A sentence of L words, each with its tag.

    Parameters
    ----------
    sequence_list : SequenceList
        The list that contains the sentence; its dictionaries map the ids to names.
    x, y : list of int, or int32 array of shape (L,)
        Word ids and tag ids.
    nr : int
        Its position in the list.
    words : iterable of str
        The original words, which may differ from the names of the ids in `x` (rare words share one id).
    """

    def __init__(self, sequence_list: SequenceList, x: Ids, y: Ids, nr: int, words: Iterable[str]) -> None:
        self.sequence_list = sequence_list
        self.x = x
        self.y = y
        self.nr = nr
        self._words = list(words)

    @property
    def words(self) -> list[str]:
        """The original words."""
        return list(self._words)

    @property
    def tags(self) -> list[str]:
        """The names of the tags in `y`."""
        names = self.sequence_list.tag_dict
        return [names[int(i)] for i in self.y]

    def size(self) -> int:
        """Return the number of words."""
        return len(self.x)

    def __len__(self) -> int:
        return self.size()

    def __str__(self) -> str:
        return " ".join(f"{word}/{tag}" for word, tag in zip(self.words, self.tags, strict=True))

    __repr__ = __str__


class SequenceList:
    """A list of sentences that share a dictionary of words and one of tags.

    Parameters
    ----------
    x_dict, y_dict : LabelDictionary
        Words and tags, name to id. They may be shared with other lists, and grow with `add_sequence`.
    """

    def __init__(self, x_dict: LabelDictionary, y_dict: LabelDictionary) -> None:
        self.x_dict = x_dict
        self.y_dict = y_dict
        self.seq_list: list[Sequence] = []

    def add_sequence(
        self,
        words: collections.abc.Sequence[str],
        tags: collections.abc.Sequence[str],
        surface: collections.abc.Sequence[str] | None = None,
    ) -> Sequence:
        """Append a sentence of L words and return it; new words and tags get new ids.

        Parameters
        ----------
        words, tags : sequence of str, length L >= 1
        surface : sequence of str, length L, optional
            The original words for `Sequence.words`, if they differ from `words`.

        Raises
        ------
        ValueError
            The sentence is empty, or the lengths differ. Then nothing is added.
        """
        if len(words) == 0:
            raise ValueError("cannot add an empty sequence: at least one word is needed")
        if len(words) != len(tags):
            raise ValueError(f"each word needs one tag: got {len(words)} words and {len(tags)} tags")
        if surface is not None and len(surface) != len(words):
            raise ValueError(f"got {len(words)} words, but {len(surface)} surface words")
        sequence = Sequence(
            self,
            x=[self.x_dict.add(word) for word in words],
            y=[self.y_dict.add(tag) for tag in tags],
            nr=len(self.seq_list),
            words=words if surface is None else surface,
        )
        self.seq_list.append(sequence)
        return sequence

    @property
    def word_dict(self) -> Mapping[int, str]:
        """Word id to word: `word_dict[i]` is the word that has id i."""
        return self.x_dict.id_to_name

    @property
    def tag_dict(self) -> Mapping[int, str]:
        """Tag id to tag: `tag_dict[i]` is the name of tag i."""
        return self.y_dict.id_to_name

    def size(self) -> int:
        """Return the number of sentences."""
        return len(self.seq_list)

    def get_num_tokens(self) -> int:
        """Return the total number of words."""
        return sum(len(sequence) for sequence in self.seq_list)

    def __len__(self) -> int:
        return self.size()

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self.seq_list)

    @overload
    def __getitem__(self, index: int) -> Sequence: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sequence]: ...
    def __getitem__(self, index: int | slice) -> Sequence | list[Sequence]:
        return self.seq_list[index]

    def __repr__(self) -> str:
        return (
            f"<SequenceList: {len(self)} sentences, {self.get_num_tokens()} tokens; "
            f"{len(self.x_dict)} words and {len(self.y_dict)} tags in its dictionaries>"
        )


def tag_counts(sentences: Iterable[Sequence], n_words: int, n_tags: int) -> np.ndarray:
    """Count how often each word has each tag in sentences with `x` and `y`: (n_words, n_tags)."""
    counts = np.zeros((n_words, n_tags), dtype=np.int64)
    for sentence in sentences:
        np.add.at(counts, (np.asarray(sentence.x), np.asarray(sentence.y)), 1)
    return counts
