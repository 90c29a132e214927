"""Choice of a sentence with gold tags: typed, or from the sample corpus."""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import NamedTuple

import ipywidgets as widgets

from lab.drawing.looks import ColumnBox
from lab.widgets.controls import in_row, integer, on_change, text, view
from lxmls_rnn import tagger
from lxmls_rnn.datasets import corpora
from lxmls_rnn.experiment import Settings, read_corpus
from lxmls_rnn.sequences import SequenceList
from lxmls_rnn.storage.messages import in_words

TYPED = 0  # number of a typed sentence
UNKNOWN_TAG = "noun"  # tag of a word outside the sample corpus


class SentenceChoice(ColumnBox):
    """Fields for words and tags, typed or from the training part of the sample corpus; `sentence` is the initial one.

    A sentence number fills in words and tags. Typed words get their most frequent tags, which the user can correct. The
    widgets `beside` are placed beside the tags.
    """

    def __init__(self, sentence: str, *beside: widgets.Widget) -> None:
        tooltip = "Number of a sentence of the sample corpus; 0: your own sentence"
        self.number = integer("Sentence number", TYPED, tooltip, 10_000, "16em", TYPED, "10em", "lab-sentence-number")
        self.words = text("Words", sentence, "The sentence; press Enter to apply", "34em")
        tooltip = "A tag for each word, separated by spaces; press Enter to apply"
        self.tags = text("Gold tags", "", tooltip, "34em")
        self.note = view("sentence-note")  # message if the sample corpus is missing
        self.on_new_sentence: Callable[[], object] = lambda: None  # called after each change of the sentence
        self._filling = False
        super().__init__([in_row(self.number, self.words), in_row(self.tags, *beside), self.note])
        self._fill_tags()
        on_change(lambda: self._fill(self._fill_both), self.number)
        on_change(lambda: self._fill(self._fill_tags), self.words)
        on_change(lambda: self._fill(lambda: None), self.tags)

    def sentence(self) -> tuple[list[str], list[str]]:
        """Return words and tags.

        Raises
        ------
        ValueError
            There is no word, the numbers of words and tags differ, or the sentence number is too large.
        FileNotFoundError
            The sample corpus is missing.
        """
        words = tagger.tokenize(self.words.value) if self.number.parsed == TYPED else self._of_corpus()[0]
        tags = self.tags.value.split()
        if not words:
            raise ValueError("the sentence has no word: type one, for example 'The dog chases the cat .'")
        if len(words) != len(tags):
            raise ValueError(
                f"the sentence has {len(words)} words ({' '.join(words)}) and {len(tags)} tags: "
                "expected a tag for each word"
            )
        return words, tags

    def _of_corpus(self) -> tuple[list[str], list[str]]:
        sentences = sample()
        number = self.number.parsed
        if number > len(sentences):
            raise ValueError(f"the sample corpus has the sentences 1 to {len(sentences)}, got number {number}")
        return sentences[number - 1].words, sentences[number - 1].tags

    def _fill_both(self) -> None:
        if self.number.parsed != TYPED:
            words, tags = self._of_corpus()
            self.words.value, self.tags.value = " ".join(words), " ".join(tags)

    def _fill_tags(self) -> None:
        self.number.parsed = TYPED
        words = tagger.tokenize(self.words.value)
        try:
            tags, self.note.value = likely_tags(words), ""
        except OSError as error:
            tags = [UNKNOWN_TAG] * len(words)
            self.note.value = (
                f"<small>Each word is tagged {UNKNOWN_TAG}, correct it: {escape(in_words(error))}.</small>"
            )
        self.tags.value = " ".join(tags)

    def _fill(self, fill: Callable[[], None]) -> None:
        """Fill the controls after a change, and report it."""
        if self._filling:
            return
        self._filling = True
        try:
            fill()
        except (ValueError, OSError):
            pass  # `sentence` raises it again, for the panel's message line
        finally:
            self._filling = False
        self.on_new_sentence()


def sample() -> SequenceList:
    """Return the training part of the sample corpus; FileNotFoundError if it is missing."""
    return _read(corpora.corpus_files("sample")[0])


@lru_cache(maxsize=2)
def _read(train: Path) -> SequenceList:
    return read_corpus(Settings(str(train)))[0]


def likely_tags(words: list[str]) -> list[str]:
    """Return the most frequent tag of each word in the sample corpus, noun for unknown words; errors as `sample`."""
    counts = _counts(corpora.corpus_files("sample")[0])
    counters = [counts.get(word) or counts.get(word.lower()) or counts.get(word.capitalize()) for word in words]
    return [count.most_common(1)[0][0] if count else UNKNOWN_TAG for count in counters]


@lru_cache(maxsize=2)
def _counts(file: Path) -> dict[str, Counter[str]]:
    """Count each word's tags."""
    counts: dict[str, Counter[str]] = {}
    for sentence in _read(file):
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    return counts


class Ids(NamedTuple):
    """A sentence as ids, the input of a model."""

    x: list[int]
    y: list[int]
    words: list[str]  # names of x
    n_words: int
    n_tags: int


def encode(words: list[str], tags: list[str]) -> Ids:
    """Encode a sentence with the ids of the sample corpus; ValueError for an unknown tag."""
    vocabulary, tag_ids = sample().x_dict, sample().y_dict
    for tag in tags:
        if tag not in tag_ids:
            raise ValueError(f"the sample corpus has no tag {tag!r}: expected one of {', '.join(tag_ids.names)}")
    x = tagger.encode(words, vocabulary).tolist()
    names = [vocabulary.get_label_name(i) for i in x]
    return Ids(x, [tag_ids[tag] for tag in tags], names, len(vocabulary), len(tag_ids))
