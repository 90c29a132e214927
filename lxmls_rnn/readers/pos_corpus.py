"""Part-of-speech corpora: read CoNLL files into lists of sentences with consecutive word and tag ids."""

from __future__ import annotations

import operator
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import SupportsIndex

import numpy as np

from lxmls_rnn import paths
from lxmls_rnn.readers.conll import Token, read_sentences
from lxmls_rnn.readers.tags import AUTO, MAX_UNTAGGED, NO_MAP, NO_TAG, TagSource, choose, read_tag_map
from lxmls_rnn.sequences import LabelDictionary, Sequence, SequenceList
from lxmls_rnn.sequences.sequence_list import Ids
from lxmls_rnn.storage.messages import counted, quoted

FIRST_TAG = "noun"
OTHER_TAG = "x"
UNKNOWN_WORD = "<unk>"
GUIDE_FILES = {
    "train": "train-02-21.conll",
    "dev": "dev-22.conll",
    "test": "test-23.conll",
}  # as the toolkit names them
MAX_NAMED_TAGS = 3  # a warning names so many of the tags that are missing in the tag map


class PostagCorpus:
    """Reader of tagged sentences; all lists that it returns share its two dictionaries.

    Attributes
    ----------
    word_dict, tag_dict : LabelDictionary
        Words and tags read so far, name to id. Tag 0 is 'noun'.
    tag_source : TagSource or None
        Column and map of the tags, chosen for the first file and used for the others too.
    """

    def __init__(self) -> None:
        self.word_dict = LabelDictionary()
        self.tag_dict = LabelDictionary([FIRST_TAG])
        self.tag_source: TagSource | None = None

    def read_sequence_list_conll(
        self,
        file: str | os.PathLike[str],
        mapping_file: str | os.PathLike[str] | None = AUTO,
        max_sent_len: int | None = None,
        max_nr_sent: int | None = None,
        tags: str = AUTO,
        encoding: str = "utf-8",
    ) -> SequenceList:
        """Read the sentences of a CoNLL or CoNLL-U file, plain or gzipped.

        Parameters
        ----------
        file : path
            Column 2 is the word; see `lxmls_rnn.readers.conll`.
        mapping_file : path, name or None
            Tag map: a file, see `read_tag_map`; 'ptb', which maps Penn Treebank tags to the 12 universal tags;
            'universal', which maps the 17 tags of Universal Dependencies to them; 'none' or None, with which the tags
            are only put in lower case; or 'auto', see `tags.choose`.
        max_sent_len : int, optional
            Sentences of more than one word and fewer than `max_sent_len` are kept, as in the toolkit; by default all.
        max_nr_sent : int, optional
            Stop reading after so many sentences were kept; by default read all.
        tags : str
            Column of the tags: 'upos' (4), 'xpos' (5), its number, or 'auto', see `tags.choose`.
        encoding : str
            One of `conll.ENCODINGS`.

        Raises
        ------
        FileNotFoundError
            The file does not exist.
        ValueError
            An argument is invalid, a line is malformed, no sentence was kept, or more than 1 % of the words have no
            tag (`_`). The dictionaries are then unchanged.

        Warns
        -----
        UserWarning
            Words have no tag, or tags are missing in the tag map (one warning for all of them; they become 'x'), or
            the words are valid UTF-8 but `encoding` is another one.
        """
        for name, limit in (("max_sent_len", max_sent_len), ("max_nr_sent", max_nr_sent)):
            if limit is not None:
                _check_positive(name, limit)
        source = self.tag_source
        if source is None or (tags, mapping_file) != (AUTO, AUTO):
            source = choose(file, tags, NO_MAP if mapping_file is None else os.fspath(mapping_file), encoding)
        kept = _read(file, source.column, encoding, max_sent_len, max_nr_sent)
        tokens = list(chain.from_iterable(kept))
        _check_untagged(file, tokens, source)
        names = _tag_names(file, tokens, source.map_file)
        _check_encoding(file, tokens, encoding)

        self.tag_source = self.tag_source or source
        sequences = SequenceList(self.word_dict, self.tag_dict)
        for sentence in kept:
            sequences.add_sequence([token.word for token in sentence], [names[token.tag] for token in sentence])
        return sequences


def _read(
    file: str | os.PathLike[str], column: int, encoding: str, max_len: int | None, max_nr: int | None
) -> list[list[Token]]:
    """Return the sentences within the limits; ValueError if there is none."""
    kept: list[list[Token]] = []
    nr_read = 0
    for nr_read, sentence in enumerate(read_sentences(file, column, encoding), start=1):  # noqa: B007
        if max_len is None or 1 < len(sentence) < max_len:
            kept.append(sentence)
            if len(kept) == max_nr:
                break
    if nr_read == 0:
        raise ValueError(f"{file}: the file has no sentences")
    if not kept:
        raise ValueError(f"{file}: none of its {nr_read} sentences has more than 1 and fewer than {max_len} words")
    return kept


def _tag_names(
    file: str | os.PathLike[str], tokens: list[Token], map_file: str | os.PathLike[str] | None
) -> dict[str, str]:
    """Return the dictionary's name of each tag in the file; warn of tags that are missing in the map."""
    first: dict[str, Token] = {}
    for token in tokens:
        first.setdefault(token.tag, token)
    names = {tag: OTHER_TAG if tag == NO_TAG else tag.lower() for tag in first}
    if map_file is None:
        return names
    tag_map = read_tag_map(map_file)
    mapped = {name: name for name in tag_map.values()} | tag_map
    if unknown := [first[tag] for tag, name in names.items() if name not in mapped]:
        named = ", ".join(f"{quoted(token.tag)} (line {token.line_number})" for token in unknown[:MAX_NAMED_TAGS])
        more = f" and {len(unknown) - MAX_NAMED_TAGS} more" if len(unknown) > MAX_NAMED_TAGS else ""
        which = f"{counted(len(unknown), 'tag')} not in {map_file}, mapped to {OTHER_TAG!r}"
        warnings.warn(f"{file}: {which}: {named}{more}", stacklevel=3)
    return {tag: mapped.get(name, OTHER_TAG) for tag, name in names.items()}


def _check_encoding(file: object, tokens: list[Token], encoding: str) -> None:
    """Warn if UTF-8 was read in another encoding: some words are not ASCII, and the bytes of all are valid UTF-8."""
    words = [token.word for token in tokens if not token.word.isascii()]
    if encoding == "utf-8" or not words:
        return
    try:
        meant = [word.encode(encoding).decode() for word in words]
    except UnicodeError:
        return
    warnings.warn(
        f"{file} is probably UTF-8: {quoted(words[0])}, read as {encoding}, is {quoted(meant[0])} in UTF-8",
        stacklevel=3,
    )


def _check_untagged(file: object, tokens: list[Token], source: TagSource) -> None:
    """Warn of words without a tag; ValueError if their share exceeds `MAX_UNTAGGED`."""
    untagged = [token for token in tokens if token.tag == NO_TAG]
    if not untagged:
        return
    message = (
        f"{file}, line {untagged[0].line_number}: the tag in column {source.column} is {NO_TAG!r}, as for "
        f"{len(untagged)} of {counted(len(tokens), 'word')}"
    )
    if len(untagged) > MAX_UNTAGGED * len(tokens):
        raise ValueError(f"{message}: choose another column of tags, such as upos or xpos")
    warnings.warn(f"{message}; it becomes {OTHER_TAG!r}", stacklevel=3)


def compacify(
    train_seq: SequenceList, test_seq: SequenceList, dev_seq: SequenceList, theano: bool = False
) -> tuple[SequenceList, SequenceList, SequenceList]:
    """Renumber words and tags, without gaps, in order of first appearance in train, then test, then dev.

    The resulting vocabulary has the words of all three parts, as in the lab guide. See `train_vocabulary` for a
    vocabulary of the training part only.

    Parameters
    ----------
    train_seq, test_seq, dev_seq : SequenceList
        Not changed.
    theano : bool
        Make x and y int32 arrays of shape (L,), as Theano and GPUs need, instead of lists.

    Returns
    -------
    train, test, dev : SequenceList
        New lists that share new dictionaries. Tag 0 is 'noun'.
    """
    x_dict, y_dict = LabelDictionary(), LabelDictionary([FIRST_TAG])
    train, test, dev = (
        _rebuild(part, x_dict, y_dict, _dictionary_words, theano) for part in (train_seq, test_seq, dev_seq)
    )
    return train, test, dev


def train_vocabulary(
    train_seq: SequenceList, *other_seqs: SequenceList, min_count: int = 2
) -> tuple[SequenceList, ...]:
    """Build the vocabulary from the training part only; every other word becomes `UNKNOWN_WORD`.

    With the vocabulary of `compacify`, the embeddings of words that only the test part has are never trained. Here
    the rare words of the training part become `UNKNOWN_WORD` too, so its embedding is trained.

    Parameters
    ----------
    train_seq, *other_seqs : SequenceList
        Not changed.
    min_count : int
        A word is in the vocabulary if it occurs at least this many times in the training part.

    Returns
    -------
    train, *others : SequenceList
        New lists that share new dictionaries; x and y are int32 arrays of shape (L,). Word ids are in order of
        first appearance in the training part, `UNKNOWN_WORD` last. Tag ids cover all parts, in order of first
        appearance, but 'noun' is always 0. `Sequence.words` still returns the original words.

    Raises
    ------
    ValueError
        `min_count` is not a positive integer, or the training part is empty.

    Warns
    -----
    UserWarning
        The training part has no rare words, so the embedding of `UNKNOWN_WORD` is never trained; or only rare words.
    """
    _check_positive("min_count", min_count)
    if len(train_seq) == 0:
        raise ValueError("the training part has no sentences: a vocabulary needs at least one")
    counts = Counter(word for sequence in train_seq for word in _dictionary_words(sequence))
    counts.pop(UNKNOWN_WORD, None)
    x_dict = LabelDictionary(word for word, count in counts.items() if count >= min_count)
    if len(x_dict) == len(counts) and train_seq.get_num_tokens() == counts.total():
        warnings.warn(
            f"no word of the training part occurs fewer than min_count={min_count} times, so the embedding of "
            f"{UNKNOWN_WORD!r} is never trained: choose a greater min_count",
            stacklevel=2,
        )
    if not x_dict:
        warnings.warn(
            f"every word of the training part occurs fewer than min_count={min_count} times, so each becomes "
            f"{UNKNOWN_WORD!r} and a model cannot tell words apart: choose a smaller min_count",
            stacklevel=2,
        )
    x_dict.add(UNKNOWN_WORD)
    y_dict = LabelDictionary([FIRST_TAG])

    def known_words(sequence: Sequence) -> list[str]:
        return [word if word in x_dict else UNKNOWN_WORD for word in _dictionary_words(sequence)]

    parts = (train_seq, *other_seqs)
    return tuple(_rebuild(part, x_dict, y_dict, known_words, as_arrays=True) for part in parts)


def _rebuild(
    part: Iterable[Sequence],
    x_dict: LabelDictionary,
    y_dict: LabelDictionary,
    words_of: Callable[[Sequence], list[str]],
    as_arrays: bool,
) -> SequenceList:
    """Return a new list of the same sentences, with the words that `words_of` returns."""
    new = SequenceList(x_dict, y_dict)
    for sequence in part:
        copy = new.add_sequence(words_of(sequence), sequence.tags, surface=sequence.words)
        if as_arrays:
            copy.x, copy.y = np.array(copy.x, dtype=np.int32), np.array(copy.y, dtype=np.int32)
    return new


def _dictionary_words(sequence: Sequence) -> list[str]:
    """Return the words of a sentence as its dictionary has them: `UNKNOWN_WORD` outside the vocabulary."""
    names: Mapping[int, str] = sequence.sequence_list.word_dict
    return [names[int(i)] for i in sequence.x]


def _check_positive(name: str, value: SupportsIndex) -> None:
    try:
        positive = not isinstance(value, bool) and operator.index(value) >= 1
    except TypeError:
        positive = False
    if not positive:
        raise ValueError(f"{name} must be an integer of at least 1, got {quoted(value)}")


class PostagCorpusData:
    """A corpus in the interface of the current lab guide: batches of one sentence.

    Parameters
    ----------
    **files : path
        `train`, `dev` and `test`, CoNLL files. By default `GUIDE_FILES` of the data folder, or if it has none of them,
        the sample. As in the guide, a part is the first 1,000 sentences of 2 to 14 words, and all words have ids.

    Attributes
    ----------
    input_size, output_size : int
        Numbers of words and tags.
    files, datasets : dict
        By part, the file, and the sentences: {'input': word ids, 'output': tag ids}, lists of int32 arrays (L,).

    Raises
    ------
    ValueError
        Other or fewer files are given, or as `PostagCorpus.read_sequence_list_conll`.
    FileNotFoundError
        A file does not exist.
    """

    def __init__(self, **files: str | os.PathLike[str]) -> None:
        if files and set(files) != set(GUIDE_FILES):
            raise ValueError(f"expected the files train, dev and test, or none of them; got {', '.join(files)}")
        self.files = {part: paths.located(file) for part, file in (files or _guide_files()).items()}
        corpus = PostagCorpus()
        train, test, dev = (
            corpus.read_sequence_list_conll(self.files[part], max_sent_len=15, max_nr_sent=1000)
            for part in ("train", "test", "dev")
        )
        train, test, dev = compacify(train, test, dev, theano=True)
        self.input_size, self.output_size = len(train.x_dict), len(train.y_dict)
        self.datasets = {
            part: {"input": [s.x for s in sequences], "output": [s.y for s in sequences]}
            for part, sequences in (("train", train), ("dev", dev), ("test", test))
        }

    def size(self, set_name: str) -> int:
        """Return the number of sentences of a part."""
        return len(self.datasets[set_name]["input"])

    def batches(self, set_name: str, batch_size: int = 1) -> list[dict[str, Ids]]:
        """Return a part's sentences, {'input': word ids, 'output': tag ids}; ValueError if `batch_size` is not 1."""
        if batch_size != 1:
            raise ValueError(f"batch_size must be 1: a batch is one sentence, got {batch_size!r}")
        part = self.datasets[set_name]
        return [{"input": x, "output": y} for x, y in zip(part["input"], part["output"], strict=True)]


def _guide_files() -> dict[str, str]:
    """Return the files of the 2016 toolkit if one of them is in the data folder, else those of the sample."""
    if any(paths.located(file).exists() for file in GUIDE_FILES.values()):
        return GUIDE_FILES
    sample = {part: f"sample/{part}.conll" for part in GUIDE_FILES}
    if not paths.located(sample["train"]).exists():
        missing = paths.data() / sample["train"]
        raise FileNotFoundError(f"no file {missing}: set LXMLS_DATA to the folder data of this project, which has it")
    return sample
