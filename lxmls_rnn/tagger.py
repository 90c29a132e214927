"""A trained model with its vocabulary and its tags: text in, tagged text out."""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn import paths
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.embeddings import neighbours
from lxmls_rnn.deep_learning.evaluation import Evaluation, evaluate
from lxmls_rnn.deep_learning.parameters import Model
from lxmls_rnn.readers.pos_corpus import UNKNOWN_WORD, PostagCorpus
from lxmls_rnn.readers.tags import AUTO, NAMES, TagSource
from lxmls_rnn.sequences import LabelDictionary, SequenceList
from lxmls_rnn.storage.messages import counted

# the alternatives are tried in this order
TOKEN = re.compile(
    r"""
    https?://\S+ | www\.\S+ | [\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+   # addresses
    | (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc)\.                 # titles and abbreviations
    | (?:[a-z]\.){2,}                                         # U.S.
    | n't\b | '(?:s|m|d|ll|re|ve)\b                           # the clitics of the Penn Treebank
    | \d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?\b                   # numbers, times, dates, 3rd, 1990s
    | \w+?(?=n't\b)                                          # do-n't
    | \w+(?:[-.]\w+)*                                        # words, with hyphens
    | \.{2,} | -{2,}                                         # an ellipsis, a dash
    | \S\u0640*                                              # one sign, with the marks on it
    """,
    re.IGNORECASE | re.VERBOSE,
)

LETTER = "\u0640"  # Arabic's tatweel, a letter that starts no word
JOINERS = "\u200c\u200d"  # between letters of a word, in Persian and Hindi

MAX_UNKNOWN_TAGS = 0.01  # share of the words of a file whose tags the model may not know


class TaggedWord(NamedTuple):
    """A word with its most probable tag."""

    word: str
    tag: str
    probability: float
    known: bool  # whether the word is in the vocabulary


class Tagger:
    """A trained model with the names of its words and tags.

    Parameters
    ----------
    model
        Any tagger of `lxmls_rnn.deep_learning`.
    words, tags
        Names of the word and tag ids, in order.
    n_known_words
        Words with an id below it are in the vocabulary of the training part.
    tag_source
        Column and map of the tags that it was trained on; None if they are to be chosen by the file that is read.

    Attributes
    ----------
    header
        The header of the model file; empty if the tagger was not loaded from a file.

    Raises
    ------
    ValueError
        The numbers of names do not match the model's sizes.
    """

    def __init__(
        self, model: Model, words: list[str], tags: list[str], n_known_words: int, tag_source: TagSource | None = None
    ) -> None:
        if (len(words), len(tags)) != (model.sizes.n_words, model.sizes.n_tags):
            raise ValueError(
                f"the model has {model.sizes.n_words} words and {model.sizes.n_tags} tags, "
                f"got {len(words)} and {len(tags)} names"
            )
        self.model: Any = model  # some have more than `Model`
        self.words, self.tags, self.n_known_words = list(words), list(tags), n_known_words
        self.tag_source = tag_source
        self._ids = LabelDictionary(self.words)
        self.header: dict[str, Any] = {}

    @classmethod
    def load(cls, path: str | os.PathLike[str], model_class: type | None = None) -> Tagger:
        """Read a model file, or the model of a run's folder; errors as in `model_file.load`."""
        path = Path(path)
        if path.is_dir():
            path = path / "model.npz"
        model, header = model_file.load(path, model_class)
        if not (header.get("words") and header.get("tags")):
            raise ValueError(f"{path} lacks a vocabulary or tags: it cannot tag text")
        known = header.get("n_known_words")
        source = TagSource(*header["tag_source"]) if header.get("tag_source") else None
        tagger = cls(model, header["words"], header["tags"], len(header["words"]) if known is None else known, source)
        tagger.header = header
        return tagger

    def save(self, path: str | os.PathLike[str], **extra: Any) -> None:
        """Write the model file; `extra` is added to its header."""
        names = {"words": self.words, "tags": self.tags}
        model_file.save(
            path, self.model, **names, n_known_words=self.n_known_words, tag_source=self.tag_source, **extra
        )

    def encode(self, words: Iterable[str]) -> np.ndarray:
        """Return the ids of words, int32 (L,), as the function `encode` does."""
        return encode(words, self._ids)

    def tag(self, sentence: str | list[str]) -> list[TaggedWord]:
        """Tag one sentence, given as text, which `tokenize` splits, or as words; errors as in `encode`."""
        words = tokenize(sentence) if isinstance(sentence, str) else sentence
        x = self.encode(words)
        p_y = self.model.forward(x)
        best = p_y.argmax(axis=0)
        return [
            TaggedWord(word, self.tags[tag], float(p_y[tag, t]), bool(x[t] < self.n_known_words))
            for t, (word, tag) in enumerate(zip(words, best, strict=True))
        ]

    def neighbours(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """Return the `n` words with the embeddings most similar to a word's, each with the cosine similarity.

        The mean embedding is subtracted first: weights drawn between 0 and 1 would all have a cosine near 1.
        Raise ValueError if the word is not in the vocabulary.
        """
        if word not in self._ids:
            raise ValueError(f"{word!r} is not among the {len(self.words)} words of the vocabulary")
        E = self.model.get_values()["W_e"]  # a copy
        E -= E.mean(axis=1, keepdims=True)
        return [(self.words[other], cosine) for other, cosine in neighbours(E, self._ids[word], n)]

    def read(self, file: str | os.PathLike[str], tags: str = AUTO, tag_map: str = AUTO, **options: Any) -> SequenceList:
        """Read a CoNLL file with the model's own ids; parameters and errors as in `evaluate`.

        Tags that the model does not know get ids after its own, in the `y_dict` of the result, with a warning.
        """
        source = self.tag_source or TagSource(AUTO, AUTO)
        mapping_file = source.tag_map if tag_map == AUTO else tag_map
        tags = source.tags if tags == AUTO else tags
        if mapping_file not in NAMES:
            mapping_file = str(paths.located(mapping_file))
        sentences = PostagCorpus().read_sequence_list_conll(file, mapping_file, tags=tags, **options)
        tag_ids = LabelDictionary(self.tags)
        counts = Counter(tag for sentence in sentences for tag in sentence.tags)
        if unknown := {tag: count for tag, count in counts.items() if tag not in tag_ids}:
            words = counted(sum(unknown.values()), "word")
            message = f"{file} has tags that the model does not know: {', '.join(sorted(unknown))} ({words})"
            if sum(unknown.values()) > MAX_UNKNOWN_TAGS * counts.total():
                raise ValueError(message)
            warnings.warn(f"{message}; they count as errors", stacklevel=2)
        encoded = SequenceList(self._ids, tag_ids)
        for sentence in sentences:
            x = self.encode(sentence.words)
            copy = encoded.add_sequence([self.words[i] for i in x], sentence.tags, surface=sentence.words)
            copy.x, copy.y = x, np.array(copy.y, dtype=np.int32)
        return encoded

    def evaluate(self, file: str | os.PathLike[str], **options: Any) -> Evaluation:
        """Tag a CoNLL file and compare the result with its gold tags.

        The `options` are `tags` and `tag_map`, by default those of the training, and `encoding`, `max_sent_len` and
        `max_nr_sent` of `PostagCorpus.read_sequence_list_conll`. Raise ValueError if the model
        does not know the tags of more than 1 % of the words; other errors as in `encode`.
        """
        sentences = self.read(file, **options)
        return evaluate(self.model, sentences, sentences.y_dict.names, self.n_known_words)


def encode(words: Iterable[str], vocabulary: LabelDictionary) -> np.ndarray:
    """Return the ids of words, int32 (L,); an unknown word, outside the vocabulary, gets the id of `<unk>`.

    Raise ValueError if there is an unknown word and the vocabulary has no `<unk>`, or if there are no words.
    """
    unknown = vocabulary.get(UNKNOWN_WORD)
    ids = [vocabulary.get(word, unknown) for word in words]
    if not ids:
        raise ValueError("there is no word to tag")
    if None in ids:
        word = list(words)[ids.index(None)]
        raise ValueError(
            f"the word {word!r} is not in the vocabulary, and this model was trained without {UNKNOWN_WORD}: "
            "train one with vocabulary='train', on the command line --vocabulary train"
        )
    return np.array(ids, dtype=np.int32)


def tokenize(text: str) -> list[str]:
    """Split a sentence into tokens, roughly as the Penn Treebank does: "don't stop!" becomes do, n't, stop, !."""
    text = normalised(text)
    # `\w` matches neither vowel signs nor other marks: a letter stands in for each
    letters = "".join(LETTER if unicodedata.category(c)[0] == "M" or c in JOINERS else c for c in text)
    return [text[slice(*match.span())] for match in TOKEN.finditer(letters)]


def normalised(text: str) -> str:
    """Return a text in Unicode's normal form C, with straight apostrophes and single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).replace("\u2019", "'").split())
