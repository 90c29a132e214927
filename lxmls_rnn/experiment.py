"""A training from its settings: corpus, vocabulary, embeddings and model."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lxmls_rnn import paths, records
from lxmls_rnn.datasets import DATASETS, reach
from lxmls_rnn.deep_learning.embeddings import extract_embeddings
from lxmls_rnn.deep_learning.initialisation import check_init, initialise
from lxmls_rnn.deep_learning.rnn import MODELS, check_model_name, model_class
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.files import naming, open_regular, quoted
from lxmls_rnn.readers.pos_corpus import PostagCorpus, compacify, train_vocabulary
from lxmls_rnn.sequences import SequenceList
from lxmls_rnn.tagger import Tagger

VOCABULARIES = ("train", "guide")

# name: train, dev and test files in the data folder
CORPORA = {
    "sample": tuple(f"sample/{part}.conll" for part in ("train", "dev", "test")),
    "ewt": tuple(f"ewt/en_ewt-ud-{part}.conllu" for part in ("train", "dev", "test")),
}


def corpus_files(name: str) -> tuple[Path, Path, Path]:
    """Return the train, dev and test files of a corpus by name.

    Those of `reach:K` are made where they are not there: in the data folder, or if that is for reading only, as in a
    class, beside the runs. ValueError if no corpus has that name; FileNotFoundError if its files are not there, which
    says how to get them.
    """
    distance, data = reach.distance_of(name), paths.data()
    if distance is not None:
        try:
            reach.make(distance, data)
        except OSError:
            data = paths.runs() / ".corpora"
            reach.make(distance, data)
    elif name not in CORPORA:
        raise ValueError(f"corpus must be one of {', '.join(CORPORA)}, reach:K or a file, got {name!r}")
    train, dev, test = (data / file for file in (CORPORA[name] if distance is None else reach.files(distance)))
    for file in (train, dev, test):
        if not file.is_file():
            remedy = "set LXMLS_DATA to the folder data of this project, which has it"
            if name in DATASETS:
                remedy = f"get it with `lxmls-rnn fetch {name}`, or set LXMLS_DATA"
            elif distance is not None:
                remedy = f"delete the folder {file.parent}, and it is made anew"
            raise FileNotFoundError(f"no file {file}: {remedy}")
    return train, dev, test


def corpus_name(train: str) -> str:
    """Return the name of the corpus that a training file belongs to, or the file's own."""
    path, roots = paths.located(train).resolve(), (paths.data(), paths.runs() / ".corpora")
    if path.name == "train.conll" and path.parent.parent in ((root / "reach").resolve() for root in roots):
        return f"reach:{path.parent.name}"
    return next((name for name, files in CORPORA.items() if path == (paths.data() / files[0]).resolve()), path.name)


def parts(settings: Settings) -> dict[str, Path]:
    """Return the files that a training can be measured on: its own 'train' and 'dev', and 'test' of a named corpus."""
    files = {"train": paths.located(settings.train)}
    if settings.dev is not None:
        files["dev"] = paths.located(settings.dev)
    name = corpus_name(settings.train)
    if name in CORPORA or reach.distance_of(name):
        files["test"] = corpus_files(name)[2]
    return files


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a training does.

    Parameters
    ----------
    train, dev
        CoNLL files to train on and to measure on; `dev` may be None. Relative paths are looked up below the folder of
        data first, `paths.located`, those of `embeddings` too.
    max_sent_len, max_nr_sent
        Limits of `read_sequence_list_conll`.
    vocabulary, min_count
        'train': words of the training part that occur `min_count` times there, the others are `<unk>`
        (`train_vocabulary`). 'guide': all words of both parts, as the lab guide has it (`compacify`).
    model, n_emb, n_hidd, activation, peepholes, dtype, seed
        As the model's constructor takes them; `model` is a name in `rnn.MODELS`. Only an LSTM can be without
        peepholes. Without a dtype NumPy's models are float64 and Theano's have its floatX.
    init
        How the parameters begin, see `initialise`.
    embeddings
        A file of pre-trained embeddings; `n_emb` is then what it holds. With the guide's vocabulary the words get the
        guide's vectors, else the best there are (`extract_embeddings`).
    trainer
        How to train.
    """

    train: str
    dev: str | None = None
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
            raise ValueError(f"peepholes can be left out of an LSTM alone, got the model {self.model}")
        for option, file in self.files().items():
            if not file or not _is_text(file):
                raise ValueError(f"{option} must be the path of a file, as text in UTF-8, got {quoted(file)}")
        if self.vocabulary not in VOCABULARIES:
            raise ValueError(f"vocabulary must be one of {', '.join(VOCABULARIES)}, got {self.vocabulary!r}")

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  see `records`

    @property
    def is_lstm(self) -> bool:
        """Whether the model has a cell, and so can have peepholes."""
        return MODELS[self.model].family == "LSTM"

    @property
    def model_in_words(self) -> str:
        """The name of the model, and whether it is without peepholes."""
        return self.model if self.peepholes else f"{self.model} without peepholes"

    @property
    def limits(self) -> dict[str, Any]:
        """What of a file is read, as `read_sequence_list_conll` takes it."""
        return {"max_sent_len": self.max_sent_len, "max_nr_sent": self.max_nr_sent}

    @property
    def of_corpus(self) -> Settings:
        """Those of these settings that `read_corpus` uses, the others as by default."""
        names = ("train", "dev", "max_sent_len", "max_nr_sent", "vocabulary", "min_count")
        return Settings(**{name: getattr(self, name) for name in names})

    def model_options(self) -> dict[str, Any]:
        """Return what the model's constructor takes by name."""
        dtype = {} if self.dtype is None else {"dtype": self.dtype}
        peepholes = {"peepholes": self.peepholes} if self.is_lstm else {}
        return {"seed": self.seed, "activation": self.activation, **dtype, **peepholes}

    def files(self) -> dict[str, str]:
        """Return the files that are named, by the option that names them."""
        named = {"train": self.train, "dev": self.dev, "embeddings": self.embeddings}
        return {option: file for option, file in named.items() if file is not None}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Settings:
        """Undo `to_dict`; ValueError, which names the field, where something is no setting."""
        return records.check(cls, settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        return asdict(self)

    def checksums(self) -> dict[str, str]:
        """Return the SHA-256 of each file that the settings name; FileNotFoundError if one is not there."""
        checksums = {}
        for option, file in self.files().items():
            if not paths.located(file).is_file():
                raise FileNotFoundError(f"{option} must be a file, but there is none at {file}")
            checksums[file] = checksum(paths.located(file))
        return checksums


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
    """A tagger that is ready to be trained, and what to train it on."""

    tagger: Tagger
    train: SequenceList
    dev: SequenceList | None


Corpus = tuple[SequenceList, SequenceList | None, int]


def read_corpus(settings: Settings) -> Corpus:
    """Read the corpus of `settings` with its vocabulary.

    Returns
    -------
    train, dev
        Sentences of int32 ids; dev is None where the settings name none.
    n_known_words
        Words with an id below it occur in the training part (and are not `<unk>`).
    """
    corpus = PostagCorpus()
    files = [paths.located(file) for file in (settings.train, settings.dev) if file is not None]
    parts = [corpus.read_sequence_list_conll(file, **settings.limits) for file in files]
    if settings.vocabulary == "train":
        parts = list(train_vocabulary(*parts, min_count=settings.min_count))
        n_known = len(parts[0].x_dict) - 1  # the last one is <unk>
    else:
        parts = list(compacify(parts[0], parts[-1], parts[-1], theano=True))[: len(parts)]
        n_known = 1 + max(int(max(sentence.x)) for sentence in parts[0])
    return parts[0], parts[1] if len(parts) == 2 else None, n_known


def prepare(settings: Settings, corpus: Corpus | None = None) -> Experiment:
    """Read the corpus, unless it is given as `read_corpus` returns it, and the embeddings, and draw the model.

    Errors as all that raises them.
    """
    train, dev, n_known = corpus or read_corpus(settings)
    first: tuple[Any, ...] = (len(train.x_dict), settings.n_emb)
    if settings.embeddings is not None:
        case: Any = "guide" if settings.vocabulary == "guide" else "best"
        file = paths.located(settings.embeddings)
        first = (extract_embeddings(file, train.x_dict, seed=settings.seed, case=case),)
    model = model_class(settings.model)(*first, settings.n_hidd, len(train.y_dict), **settings.model_options())
    initialise(model, settings.init, settings.seed, keep_embeddings=settings.embeddings is not None)
    return Experiment(Tagger(model, train.x_dict.names, train.y_dict.names, n_known), train, dev)
