"""Settings of a training, and its preparation: corpus, vocabulary, embeddings and model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lxmls_rnn import paths
from lxmls_rnn.datasets import corpora
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.embeddings import extract_embeddings
from lxmls_rnn.deep_learning.models import MODELS, model_class
from lxmls_rnn.deep_learning.parameters import DTYPES, INITS
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.readers import tags as reader_tags
from lxmls_rnn.readers.conll import ENCODINGS
from lxmls_rnn.readers.pos_corpus import PostagCorpus, compacify, train_vocabulary
from lxmls_rnn.sequences import SequenceList
from lxmls_rnn.settings import MAX_SEED, check, described, setting, settings_of
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import digest
from lxmls_rnn.tagger import Tagger

LIMITS = ("max_sent_len", "max_nr_sent")
GUIDE = {"init": "uniform01", "vocabulary": "guide"}  # the lab guide's settings that are not the defaults
CHANGE_DEV = (*LIMITS, "tags", "tag_map")  # settings that decide which sentences and tags each part of a corpus has


def parts(settings: Settings) -> dict[str, Path]:
    """Return the files to evaluate a training on: its own 'train' and 'dev', and 'test' of a named corpus."""
    name = corpora.corpus_name(settings.corpus)
    test = {"test": corpora.corpus_files(name)[2]} if corpora.find(name) else {}
    return {part: paths.located(file) for part, file in settings.files().items() if part in ("train", "dev")} | test


def part_file(settings: Settings, part: str) -> Path:
    """Return the file of one of the `parts`; FileNotFoundError, which says what to do, if it is missing."""
    file = parts(settings)[part]
    if not file.is_file():
        raise FileNotFoundError(
            f"the {part} part of this run is the file {settings.files().get(part, file)}, but there is none at "
            f"{file.absolute()}: copy it there from the machine of the training, or set LXMLS_DATA to its folder"
        )
    return file


@described
@dataclass(frozen=True)
class Settings:
    """All settings of a training.

    A relative path is first looked up in the data folder, see `paths.located`. Tags and tag map 'auto' are replaced by
    the choice for the training file when a run begins. The vocabulary 'train' holds the words that occur at least
    `min_count` times in the training part; the others become `<unk>` (`train_vocabulary`). 'guide' holds all words of
    both parts, as in the lab guide (`compacify`). With it, words are looked up in the file of embeddings as in the
    guide, else with the best match of upper and lower case (`extract_embeddings`). `trainer` holds the settings of the
    optimisation.
    """

    corpus: str = setting(
        ...,
        "Corpus",
        f"{corpora.NAMES}, or a CoNLL or CoNLL-U file",
        "corpus",
        tuple(corpora.CORPORA),
        is_file=True,
        is_basic=True,
    )
    dev: str | None = setting(
        None,
        "Evaluate on",
        "File to evaluate on; a named corpus has its own",
        "corpus",
        none="none",
        is_file=True,
        is_basic=True,
    )
    max_sent_len: int | None = setting(
        None,
        "Shorter than",
        "Only sentences with at least 2 words and fewer than this",
        "corpus",
        least=3,
        none="no limit",
    )
    max_nr_sent: int | None = setting(
        None, "Max. sentences", "Maximum number of sentences per part", "corpus", least=1, none="all"
    )
    vocabulary: str = setting(
        "train",
        "Vocabulary",
        "train: words of the training part, rare ones become `<unk>`; guide: all words of both parts",
        "corpus",
        ("train", "guide"),
    )
    min_count: int = setting(2, "Min. count", "Words rarer in the training part become `<unk>`", "corpus", least=1)
    tags: str = setting(
        reader_tags.AUTO,
        "Tags",
        "Column of the tags: upos (4), xpos (5) or its number; auto: xpos, unless only upos has usable tags",
        "corpus",
        (reader_tags.AUTO, *reader_tags.COLUMNS, *map(str, range(3, 11))),
        test=reader_tags.check_tags,
    )
    tag_map: str = setting(
        reader_tags.AUTO,
        "Tag map",
        "ptb, universal: to the 12 universal tags; none: as they are; auto: ptb for tags that it knows; or a file",
        "corpus",
        reader_tags.NAMES,
        is_file=True,
    )
    encoding: str = setting("utf-8", "Encoding", "Encoding of the corpus: {choices}", "corpus", ENCODINGS)
    model: str = setting(
        "NumpyRNN", "Model", "The model and its framework: {choices}", "model", tuple(MODELS), is_basic=True
    )
    n_emb: int = setting(
        50, "Embedding size", "Dimensions of an embedding, unless a file gives them", "model", least=1, is_basic=True
    )
    n_hidd: int = setting(20, "Hidden units", "Size of the hidden state", "model", least=1, is_basic=True)
    activation: str | None = setting(
        None,
        "Activation",
        "The function f in h_t = f(W_x z_t + W_h h_{t-1}): {choices}; an LSTM's is tanh",
        "model",
        OF_RNN,
        none="the model's default",
        is_basic=True,
    )
    peepholes: bool = setting(True, "Peepholes", "The gates of an LSTM see the cell, through the matrix W_c", "model")
    dtype: str | None = setting(
        None, "Numbers", "Data type of the model: {choices}", "model", DTYPES, none="float64, or Theano's floatX"
    )
    seed: int = setting(1234, "Seed", "Seed of the parameters and of shuffling", "model", most=MAX_SEED)
    init: str = setting("glorot", "Initialisation", "Initialisation of the parameters: {choices}", "model", INITS)
    embeddings: str | None = setting(
        None, "Embeddings", "File of pre-trained embeddings", "model", none="random", is_file=True
    )
    trainer: Trainer = field(default_factory=Trainer)

    def __post_init__(self) -> None:
        check(self)
        if self.trainer.seed == self.seed:  # one seed is written once
            object.__setattr__(self, "trainer", replace(self.trainer, seed=None))
        if not self.peepholes and not self.is_lstm:
            raise ValueError(f"only an LSTM can be without peepholes, got the model {self.model}")
        if self.is_lstm and self.peepholes not in MODELS[self.model].peephole_options:
            raise ValueError(f"{self.model} has no peepholes: set peepholes=False, on the command line --no-peepholes")

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  see `records`

    @property
    def is_lstm(self) -> bool:
        """Whether the model is an LSTM, which can have peepholes."""
        return MODELS[self.model].family == "LSTM"

    @property
    def model_in_words(self) -> str:
        """The name of the model, with a note if it has no peepholes."""
        return self.model if self.peepholes else f"{self.model} without peepholes"

    @property
    def reading(self) -> dict[str, Any]:
        """Encoding and limits on sentences, as arguments of `read_sequence_list_conll`."""
        return {name: getattr(self, name) for name in ("encoding", *LIMITS)}

    @property
    def of_corpus(self) -> Settings:
        """A copy in which all settings that `read_corpus` does not use have their defaults."""
        return Settings(**{name: getattr(self, name) for name, one in SETTINGS.items() if one.part == "corpus"})

    def flat(self) -> dict[str, Any]:
        """Return the settings by name, those of the trainer among them; `seed` is that of the parameters."""
        return {name: getattr(self if name in settings_of(Settings) else self.trainer, name) for name in SETTINGS}

    def changed(self, **values: Any) -> Settings:
        """Return a copy with other values, also of the trainer's settings; `seed` is also that of the trainer."""
        own = {name: value for name, value in values.items() if name in settings_of(Settings)}
        others = {name: value for name, value in values.items() if name not in own}
        others |= {"seed": None} if "seed" in own else {}
        return replace(self, **own, trainer=replace(self.trainer, **others))

    def model_options(self) -> dict[str, Any]:
        """Return the keyword arguments of the model's constructor."""
        dtype = {} if self.dtype is None else {"dtype": self.dtype}
        peepholes = {"peepholes": self.peepholes} if self.is_lstm else {}
        return {"seed": self.seed, "activation": self.activation, **dtype, **peepholes}

    def files(self) -> dict[str, str]:
        """Return the files that are used, by their role: 'train', 'dev', 'embeddings', 'tag_map'.

        The files of a named corpus are relative to the data folder, see `paths.located`.
        """
        named = corpora.find(self.corpus)
        train, dev, *_ = named.files if named else (self.corpus, None)
        if named and named.is_partial and dev and not paths.located(dev).exists():
            dev = None
        own_map = None if self.tag_map in reader_tags.NAMES else self.tag_map
        files = {"train": train, "dev": self.dev or dev, "embeddings": self.embeddings, "tag_map": own_map}
        return {what: file for what, file in files.items() if file is not None}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Settings:
        """Make settings from the result of `to_dict`; ValueError, which names the field, if one is invalid."""
        return records.check(cls, settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dictionary for JSON."""
        return asdict(self)


# all settings of a training by name; the seed of the parameters is the trainer's too
SETTINGS = {**settings_of(Settings), **{name: one for name, one in settings_of(Trainer).items() if name != "seed"}}


@dataclass(frozen=True)
class Found:
    """Files on this machine that some settings name; made by `find`."""

    given: Settings
    names: dict[str, str]  # the `files` of the settings
    files: dict[str, Path]  # where they are, also by their role
    known: Mapping[str, str]  # checksums that need not be computed

    def check(self) -> None:
        """Raise FileNotFoundError if one of the files is missing."""
        for what, path in self.files.items():
            if not path.is_file():
                choices = f"one of {', '.join(reader_tags.NAMES)} or " if what == "tag_map" else ""
                raise FileNotFoundError(f"{what} must be {choices}a file, but there is none at {path}")

    @cached_property
    def checksums(self) -> dict[str, str]:
        """The SHA-256 of each file, by its name in the settings; errors as `check`."""
        self.check()
        named = sorted({(name, self.files[what]) for what, name in self.names.items()})
        return {name: self.known.get(name) or digest(path) for name, path in named}

    @cached_property
    def settings(self) -> Settings:
        """The settings with the tags' column and map that are chosen for the training file; errors as `tags.choose`."""
        given = self.given
        if reader_tags.AUTO not in (given.tags, given.tag_map):
            return given
        tag_map = str(self.files.get("tag_map", given.tag_map))
        source = reader_tags.choose(self.files["train"], given.tags, tag_map, given.encoding)
        return replace(given, tags=source.tags, tag_map=given.tag_map if "tag_map" in self.files else source.tag_map)


def find(settings: Settings | Found, known: Mapping[str, str] | None = None) -> Found:
    """Find the files that settings name, unless this has been done; `known` are checksums that the caller has.

    Errors as `corpus_files` for a named corpus; other files may be missing, see `Found.check`.
    """
    if isinstance(settings, Found):
        return settings
    if corpora.find(settings.corpus):
        corpora.corpus_files(settings.corpus)
    names = settings.files()
    return Found(settings, names, {what: paths.located(name) for what, name in names.items()}, known or {})


@dataclass(frozen=True)
class Experiment:
    """An initialised tagger with the sentences to train and evaluate it on."""

    tagger: Tagger
    train: SequenceList
    dev: SequenceList | None


TrainAndDev = tuple[SequenceList, SequenceList | None, int]


def read_corpus(settings: Settings | Found) -> TrainAndDev:
    """Read the corpus of `settings` with its vocabulary.

    Returns
    -------
    train, dev
        Sentences of int32 ids; dev is None if the settings have no dev file.
    n_known_words
        Words with an id below it occur in the training part (and are not `<unk>`).
    """
    corpus, found = PostagCorpus(), find(settings)
    files, settings = found.files, found.settings
    parts = [
        corpus.read_sequence_list_conll(
            files[part], files.get("tag_map", settings.tag_map), tags=settings.tags, **settings.reading
        )
        for part in ("train", "dev")
        if part in files
    ]
    if settings.vocabulary == "train":
        parts = list(train_vocabulary(*parts, min_count=settings.min_count))
        n_known = len(parts[0].x_dict) - 1  # the last one is <unk>
    else:
        parts = list(compacify(parts[0], parts[-1], parts[-1], theano=True))[: len(parts)]
        n_known = 1 + max(int(max(sentence.x)) for sentence in parts[0])
    return parts[0], parts[1] if len(parts) == 2 else None, n_known


def prepare(settings: Settings | Found, corpus: TrainAndDev | None = None) -> Experiment:
    """Read the corpus, unless the result of `read_corpus` is given, and the embeddings, and initialise the model.

    Errors as `find`, `read_corpus`, `extract_embeddings`, and the model's constructor; ValueError if all words of the
    training part have the same tag.
    """
    found = find(settings)
    settings = found.settings
    train, dev, n_known = corpus or read_corpus(found)
    if len(used := {tag for sentence in train for tag in sentence.tags}) == 1:
        raise ValueError(f"every word of {settings.corpus} has the tag {used.pop()!r}, so there is nothing to learn")
    first: tuple[Any, ...] = (len(train.x_dict), settings.n_emb)
    if settings.embeddings is not None:
        case: Any = "guide" if settings.vocabulary == "guide" else "best"
        first = (extract_embeddings(found.files["embeddings"], train.x_dict, seed=settings.seed, case=case),)
    options = {**settings.model_options(), "init": settings.init}
    model = model_class(settings.model)(*first, settings.n_hidd, len(train.y_dict), **options)
    source = reader_tags.TagSource(settings.tags, settings.tag_map)
    return Experiment(Tagger(model, train.x_dict.names, train.y_dict.names, n_known, source), train, dev)
