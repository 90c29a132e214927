"""Settings of a training, and its preparation: corpus, vocabulary, embeddings and model."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lxmls_rnn import paths
from lxmls_rnn.datasets import DATASETS, reach, treebanks
from lxmls_rnn.deep_learning.embeddings import extract_embeddings
from lxmls_rnn.deep_learning.initialisation import check_init, initialise
from lxmls_rnn.deep_learning.rnn import MODELS, check_model_name, model_class
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.readers import tags as reader_tags
from lxmls_rnn.readers.conll import check_encoding
from lxmls_rnn.readers.pos_corpus import PostagCorpus, compacify, train_vocabulary
from lxmls_rnn.sequences import SequenceList
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import naming, open_regular, quoted
from lxmls_rnn.tagger import Tagger

VOCABULARIES = ("train", "guide")

# name: train, dev and test files in the data folder
CORPORA = {
    "sample": tuple(f"sample/{part}.conll" for part in ("train", "dev", "test")),
    "sample-pt": tuple(f"sample/pt/{part}.conllu" for part in ("train", "dev", "test")),
    "sample-both": tuple(f"sample/both/{part}.conll" for part in ("train", "dev", "test")),
    "ewt": tuple(f"ewt/en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")),
}


def files_of(name: str) -> tuple[str, ...] | None:
    """Return the train, dev and test files of a corpus, below the data folder; None if no corpus has that name."""
    distance = reach.distance_of(name)
    return CORPORA.get(name) or treebanks.files(name) if distance is None else reach.files(distance)


def corpus_files(name: str, needed: str = "train") -> tuple[Path, Path, Path]:
    """Return the train, dev and test files of a corpus by name.

    Missing files of `reach:K` are generated in the data folder, or if that is read-only, as in a class, in the folder
    of the runs. Raise ValueError if no corpus has that name, and FileNotFoundError, which says how to get the files, if
    one is missing. A treebank `ud:...` may lack parts, so only its `needed` part must exist.
    """
    files, distance, data = files_of(name), reach.distance_of(name), paths.data()
    is_treebank = name.startswith(treebanks.PREFIX)
    if is_treebank:
        treebanks.check(name, data)
    if files is None:
        what = "a file, but there is none at" if Path(name).suffix or os.sep in name else "a file, got"
        raise ValueError(f"corpus must be one of {', '.join(CORPORA)}, reach:K, ud:CODE or {what} {name!r}")
    if distance is not None:
        try:
            reach.make(distance, data)
        except OSError:
            data = paths.made()
            reach.make(distance, data)
    elif not (data / files[0]).is_file() and (paths.PACKAGED / files[0]).is_file():
        data = paths.PACKAGED
    train, dev, test = (data / file for file in files)
    for part, file in zip(treebanks.PARTS, (train, dev, test), strict=True):
        if not file.is_file() and (part == needed or not is_treebank):
            remedy = "set LXMLS_DATA to the folder data of this project, which has it"
            if name in DATASETS:
                remedy = f"get it with `lxmls-rnn fetch {name}`, or set LXMLS_DATA"
            elif is_treebank:
                remedy = f"`lxmls-rnn fetch {name}` gets it, or says that the treebank has no such part"
            elif distance is not None:
                remedy = f"delete the folder {file.parent}, and it is generated again"
            raise FileNotFoundError(f"no file {file}: {remedy}")
    return train, dev, test


def corpus_name(corpus: str) -> str:
    """Return the name of a corpus given by name or by its training file; for another file, the file name."""
    if files_of(corpus):
        return corpus
    path, numbers = paths.located(corpus), range(1, reach.MAX_DISTANCE + 1)
    known = CORPORA | {f"reach:{k}": reach.files(k) for k in numbers if str(k) == path.parent.name}
    known |= {name: files for name in [f"{treebanks.PREFIX}{path.parent.name}"] if (files := treebanks.files(name))}
    found = (name for name, files in known.items() if paths.located(files[0]).resolve() == path.resolve())
    return next(found, path.name)


def parts(settings: Settings) -> dict[str, Path]:
    """Return the files to evaluate a training on: its own 'train' and 'dev', and 'test' of a named corpus."""
    name = corpus_name(settings.corpus)
    test = {"test": corpus_files(name)[2]} if files_of(name) else {}
    return {part: file for part, file in settings.located().items() if part in ("train", "dev")} | test


def part_file(settings: Settings, part: str) -> Path:
    """Return the file of one of the `parts`; FileNotFoundError, which says what to do, if it is missing."""
    file = parts(settings)[part]
    if not file.is_file():
        raise FileNotFoundError(
            f"the {part} part of this run is the file {settings.files().get(part, file)}, but there is none at "
            f"{file.absolute()}: copy it there from the machine of the training, or set LXMLS_DATA to its folder"
        )
    return file


# settings that determine the sentences and their ids
READING_SETTINGS = ("tags", "tag_map", "encoding", "max_sent_len", "max_nr_sent", "vocabulary", "min_count")
OF_CORPUS = ("corpus", "dev", *READING_SETTINGS)


@dataclass(frozen=True)
class Settings:
    """All settings of a training.

    Parameters
    ----------
    corpus
        The name of a corpus, see `corpus_files`, or a CoNLL file to train on. Relative paths are first looked up in
        the data folder, see `paths.located`.
    dev
        A CoNLL file to evaluate on; by default the dev part of a named corpus, or none if `corpus` is a file.
    tags, tag_map, encoding
        Column of the tags, their map (a name in `tags.MAPS`, 'none' or a file) and the encoding of the files, see
        `read_sequence_list_conll`. 'auto' is replaced by the choice for the training file when a run begins.
    max_sent_len, max_nr_sent
        Limits of `read_sequence_list_conll`.
    vocabulary, min_count
        'train': words that occur at least `min_count` times in the training part; the others become `<unk>`
        (`train_vocabulary`). 'guide': all words of both parts, as in the lab guide (`compacify`).
    model, n_emb, n_hidd, activation, peepholes, dtype, seed
        Arguments of the model's constructor; `model` is a name in `rnn.MODELS`. Only an LSTM can be without
        peepholes. By default Theano models use its floatX, all others float64.
    init
        Initialisation of the parameters, see `initialise`.
    embeddings
        A file of pre-trained embeddings, which determines `n_emb`. With the guide's vocabulary, words are looked up as
        in the guide, else with the best match of upper and lower case (`extract_embeddings`).
    trainer
        Settings of the optimisation.
    """

    corpus: str = field(metadata={"validation_alias": "train"})  # its name in runs of earlier versions
    dev: str | None = None
    tags: str = reader_tags.AUTO
    tag_map: str = reader_tags.AUTO
    encoding: str = "utf-8"
    max_sent_len: int | None = None
    max_nr_sent: int | None = None
    vocabulary: str = "train"
    min_count: int = 2
    model: str = "NumpyRNN"
    n_emb: int = 50
    n_hidd: int = 20
    activation: str | None = None
    peepholes: bool = True
    dtype: str | None = None
    seed: int = 1234
    init: str = "uniform01"
    embeddings: str | None = None
    trainer: Trainer = field(default_factory=Trainer)

    def __post_init__(self) -> None:
        check_model_name(self.model)
        check_init(self.init)
        if not self.peepholes and not self.is_lstm:
            raise ValueError(f"only an LSTM can be without peepholes, got the model {self.model}")
        if self.is_lstm and self.peepholes not in MODELS[self.model].peephole_options:
            raise ValueError(f"{self.model} has no peepholes: set peepholes=False, on the command line --no-peepholes")
        for name in ("n_emb", "n_hidd"):
            if (size := getattr(self, name)) < 1:
                raise ValueError(f"{name} must be a positive integer, got {size!r}")
        reader_tags.check_tags(self.tags)
        check_encoding(self.encoding)
        for option in ("corpus", "dev", "embeddings", "tag_map"):
            file = getattr(self, option)
            if file is not None and not (file and _is_text(file)):
                raise ValueError(f"{option} must be the path of a file, as text in UTF-8, got {quoted(file)}")
        if self.vocabulary not in VOCABULARIES:
            raise ValueError(f"vocabulary must be one of {', '.join(VOCABULARIES)}, got {self.vocabulary!r}")

    __pydantic_config__ = {"extra": "forbid", "populate_by_name": True, "loc_by_alias": False}  # noqa: RUF012  see `records`

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
        return {name: getattr(self, name) for name in ("encoding", "max_sent_len", "max_nr_sent")}

    @property
    def of_corpus(self) -> Settings:
        """A copy in which all settings that `read_corpus` does not use have their defaults."""
        return Settings(**{name: getattr(self, name) for name in OF_CORPUS})

    def model_options(self) -> dict[str, Any]:
        """Return the keyword arguments of the model's constructor."""
        dtype = {} if self.dtype is None else {"dtype": self.dtype}
        peepholes = {"peepholes": self.peepholes} if self.is_lstm else {}
        return {"seed": self.seed, "activation": self.activation, **dtype, **peepholes}

    def files(self) -> dict[str, str]:
        """Return the files that are used, by their role: 'train', 'dev', 'embeddings', 'tag_map'.

        The files of a named corpus are relative to the data folder, see `paths.located`.
        """
        train, dev, *_ = files_of(self.corpus) or (self.corpus, None)
        if self.corpus.startswith(treebanks.PREFIX) and dev and not paths.located(dev).exists():
            dev = None  # some treebanks have none
        own_map = None if self.tag_map in reader_tags.NAMES else self.tag_map
        files = {"train": train, "dev": self.dev or dev, "embeddings": self.embeddings, "tag_map": own_map}
        return {what: file for what, file in files.items() if file is not None}

    def located(self) -> dict[str, Path]:
        """Return the resolved paths of `files`; errors as `corpus_files` for a named corpus."""
        if files_of(self.corpus):
            corpus_files(self.corpus)
        return {what: paths.located(file) for what, file in self.files().items()}

    def resolved(self) -> Settings:
        """Return these settings with the tags' column and map that are chosen for the training file, see `tags.choose`.

        Errors as `located` and `tags.choose`.
        """
        if reader_tags.AUTO not in (self.tags, self.tag_map):
            return self
        files = self.located()
        tag_map = str(files.get("tag_map", self.tag_map))
        source = reader_tags.choose(files["train"], self.tags, tag_map, self.encoding)
        return replace(self, tags=source.tags, tag_map=self.tag_map if "tag_map" in files else source.tag_map)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Settings:
        """Make settings from the result of `to_dict`; ValueError, which names the field, if one is invalid."""
        return records.check(cls, settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dictionary for JSON."""
        return asdict(self)

    def check_files(self) -> None:
        """Raise FileNotFoundError if one of the `files` is missing."""
        for what, path in self.located().items():
            if not path.is_file():
                names = f"one of {', '.join(reader_tags.NAMES)} or " if what == "tag_map" else ""
                raise FileNotFoundError(f"{what} must be {names}a file, but there is none at {path}")

    def checksums(self) -> dict[str, str]:
        """Return the SHA-256 of each of the `files`; FileNotFoundError if one is missing."""
        return checksums(self)


def checksums(*several: Settings) -> dict[str, str]:
    """Return the SHA-256 of each of the `files` of some settings, each computed once; errors as `check_files`."""
    for settings in several:
        settings.check_files()
    files = {file for settings in several for file in settings.files().values()}
    return {file: checksum(paths.located(file)) for file in sorted(files)}


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file; an OSError names it."""
    digest = hashlib.sha256()
    with naming(file), open_regular(file) as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _is_text(path: str) -> bool:
    try:
        return "\0" not in path and bool(path.encode())
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True)
class Experiment:
    """An initialised tagger with the sentences to train and evaluate it on."""

    tagger: Tagger
    train: SequenceList
    dev: SequenceList | None


Corpus = tuple[SequenceList, SequenceList | None, int]


def read_corpus(settings: Settings) -> Corpus:
    """Read the corpus of `settings` with its vocabulary.

    Returns
    -------
    train, dev
        Sentences of int32 ids; dev is None if the settings have no dev file.
    n_known_words
        Words with an id below it occur in the training part (and are not `<unk>`).
    """
    corpus, settings = PostagCorpus(), settings.of_corpus.resolved()
    files = settings.located()
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


def prepare(settings: Settings, corpus: Corpus | None = None) -> Experiment:
    """Read the corpus, unless the result of `read_corpus` is given, and the embeddings, and initialise the model.

    Errors as `read_corpus`, `extract_embeddings`, the model's constructor and `initialise`; ValueError if all words of
    the training part have the same tag.
    """
    settings = settings.resolved()
    train, dev, n_known = corpus or read_corpus(settings)
    if len(used := {tag for sentence in train for tag in sentence.tags}) == 1:
        raise ValueError(f"every word of {settings.corpus} has the tag {used.pop()!r}, so there is nothing to learn")
    first: tuple[Any, ...] = (len(train.x_dict), settings.n_emb)
    if settings.embeddings is not None:
        case: Any = "guide" if settings.vocabulary == "guide" else "best"
        file = paths.located(settings.embeddings)
        first = (extract_embeddings(file, train.x_dict, seed=settings.seed, case=case),)
    model = model_class(settings.model)(*first, settings.n_hidd, len(train.y_dict), **settings.model_options())
    initialise(model, settings.init, settings.seed, keep_embeddings=settings.embeddings is not None)
    source = reader_tags.TagSource(settings.tags, settings.tag_map)
    return Experiment(Tagger(model, train.x_dict.names, train.y_dict.names, n_known, source), train, dev)
