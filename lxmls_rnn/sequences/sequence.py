"""One labelled sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from lxmls_rnn.sequences.sequence_list import SequenceList

Ids = list[int] | npt.NDArray[np.int32]


class Sequence:
    """A sentence of L words, each with its tag.

    Parameters
    ----------
    sequence_list : SequenceList
        The list that it belongs to, whose dictionaries say what the ids mean.
    x, y : list of int, or int32 array of shape (L,)
        Word ids and tag ids.
    nr : int
        Its position in the list.
    words : iterable of str, optional
        The words as they were written, where `x` says less (rare words that share one id).
        By default the names of `x`.

    Raises
    ------
    ValueError
        The lengths of x, y and words differ.
    """

    def __init__(
        self, sequence_list: SequenceList, x: Ids, y: Ids, nr: int, words: Iterable[str] | None = None
    ) -> None:
        self.sequence_list = sequence_list
        self.x = x
        self.y = y
        self.nr = nr
        names = sequence_list.word_dict
        self._words = [names[int(i)] for i in x] if words is None else list(words)
        if not len(x) == len(y) == len(self._words):
            raise ValueError(
                f"a sequence needs as many tags as words: got {len(x)} word ids, {len(y)} tag ids "
                f"and {len(self._words)} words"
            )

    @property
    def words(self) -> list[str]:
        """The words as they were written."""
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
