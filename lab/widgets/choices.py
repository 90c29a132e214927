"""Groups of controls shared by several panels: choice of corpus, model and run."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from lab.widgets import controls
from lab.widgets.collapsible import Collapsible
from lab.widgets.controls import (
    WRAP,
    button,
    checkbox,
    dropdown,
    field,
    in_row,
    integer,
    on_change,
    seed,
    set_options,
    show,
    view,
)
from lxmls_rnn import experiment, paths, runs
from lxmls_rnn.datasets import reach, treebanks
from lxmls_rnn.deep_learning.initialisation import INITS
from lxmls_rnn.deep_learning.rnn import MODELS, activations_of
from lxmls_rnn.experiment import CORPORA, Settings
from lxmls_rnn.readers import tags
from lxmls_rnn.readers.conll import ENCODINGS

UPLOADS = "uploads"
NO_LIMIT = 0  # value of the field for no limit
MAX_LIMIT = 2**31 - 1
NO_DEV = "none"
RANDOM_EMBEDDINGS = "random"
REACH = "reach"  # option for all corpora reach:K; K has its own control
VOCABULARY_CONTROLS = "vocabulary", "min_count"

_file_choices: weakref.WeakSet[CorpusChoice | ModelChoice] = weakref.WeakSet()


def new_files() -> None:
    """Refresh the file lists of all corpus and model choices after a new file was added."""
    for choice in list(_file_choices):
        choice.refresh()


class CorpusChoice(widgets.VBox):
    """Controls for corpus, limits and vocabulary; `corpus` is a name of `corpus_files` or a file in the data folder."""

    def __init__(self, corpus: str = "sample") -> None:
        self.corpus = dropdown("Corpus", [corpus], "The sample corpus, a downloaded corpus, or your own file")
        what = "Dependency distance in words: K of the corpus reach:K"
        drag: dict[str, Any] = {"min": 1, "max": reach.MAX_DISTANCE, "continuous_update": False}
        self.distance = field(widgets.IntSlider, "Distance", 5, what, "38em", **drag)
        self.dev = dropdown("Evaluate on", [NO_DEV], "For your own corpus file: the file to measure accuracy on")
        what = "Skip sentences with more words than this; 0: no limit"
        self.longest = integer("Max. length", NO_LIMIT, what, MAX_LIMIT - 1, least=NO_LIMIT)
        self.max_nr_sent = integer(
            "Max. sentences", NO_LIMIT, "Sentences of each part of the corpus; 0: all", MAX_LIMIT, least=NO_LIMIT
        )
        what = "train: words of the training part, rare ones become <unk>; guide: all words of both parts"
        self.vocabulary = dropdown("Vocabulary", experiment.VOCABULARIES, what, "train")
        what = "Words that occur less often in the training part become <unk>"
        self.min_count = integer("Min. count", 2, what, 1000)
        what = "Column of the tags: upos (4), xpos (5) or its number; auto: xpos, unless only upos has usable tags"
        self.tags = dropdown("Tags", [tags.AUTO, *tags.COLUMNS, *map(str, range(3, 11))], what)
        what = "ptb, universal: to the 12 universal tags; none: tags as they are; auto: ptb for tags that it knows"
        self.tag_map = dropdown("Tag map", tags.NAMES, what)
        self.encoding = dropdown("Encoding", ENCODINGS, "Encoding of the file")
        limits = self.longest, self.max_nr_sent, self.vocabulary, self.min_count
        self.advanced = Collapsible(*limits, self.tags, self.tag_map, self.encoding)
        super().__init__([in_row(self.corpus, self.distance, self.dev), self.advanced])
        on_change(self._adapt, self.corpus, self.vocabulary)
        self.refresh()
        self.corpus.value = corpus
        self._adapt()
        _file_choices.add(self)

    def refresh(self) -> None:
        """Refresh the list of files."""
        found = sorted((paths.data() / UPLOADS).glob("*"))
        files = [f"{UPLOADS}/{file.name}" for file in found if not file.name.startswith(".")]
        named = [*CORPORA, *treebanks.below(paths.data()), REACH]
        for control, first in ((self.corpus, named), (self.dev, [NO_DEV])):
            set_options(control, first + files)

    def copy_from(self, settings: Settings) -> None:
        """Copy `settings` to the controls; ValueError if its corpus is not in the list."""
        self.refresh()
        name = experiment.corpus_name(settings.corpus)
        distance = reach.distance_of(name)
        self.distance.value = distance or self.distance.value
        chosen = REACH if distance else name if experiment.files_of(name) else settings.corpus
        self.corpus.value = _option_of(chosen, self.corpus.options, "corpus")
        if not self.name:
            self.dev.value = _option_of(settings.dev or NO_DEV, self.dev.options, "dev")
        self.tag_map.value = _option_of(settings.tag_map, self.tag_map.options, "tag_map")
        controls.set_values(self, ("tags", "encoding", *VOCABULARY_CONTROLS), settings)
        self.longest.value = settings.max_sent_len - 1 if settings.max_sent_len else NO_LIMIT
        self.max_nr_sent.value = settings.max_nr_sent or NO_LIMIT

    def _adapt(self) -> None:
        show(self.dev, not self.name)
        show(self.distance, self.corpus.value == REACH)
        self.min_count.disabled = self.vocabulary.value != "train"

    @property
    def name(self) -> str:
        """The name of the corpus, or an empty string for the user's own file."""
        chosen = self.corpus.value
        return f"{REACH}:{self.distance.value}" if chosen == REACH else chosen if experiment.files_of(chosen) else ""

    def in_words(self) -> str:
        """Return a one-line summary."""
        return f"{self.name or self.corpus.value}{self.advanced.changed}"

    def reading(self) -> dict[str, str]:
        """Return tags, tag map and encoding."""
        return controls.values(self, ("tags", "tag_map", "encoding"))

    def fields(self) -> dict[str, Any]:
        """Return these controls as fields of `Settings`; FileNotFoundError if the corpus is not downloaded."""
        if self.name:
            experiment.corpus_files(self.name)
        dev = None if self.name or self.dev.value == NO_DEV else self.dev.value
        longest = self.longest.value + 1 if self.longest.value else None  # `max_sent_len` is exclusive
        limits = {"max_sent_len": longest, "max_nr_sent": self.max_nr_sent.value or None}
        words = controls.values(self, VOCABULARY_CONTROLS)
        return {"corpus": self.name or self.corpus.value, "dev": dev, **self.reading(), **limits, **words}


class ModelChoice(widgets.VBox):
    """Controls for model (a name in `MODELS`), sizes, initialisation and embeddings."""

    def __init__(self, model: str = "RNN") -> None:
        named = [(f"{name} ({known.label})", name) for name, known in MODELS.items()]
        self.model = dropdown("Model", named, "NumPy: the teaching version; scan and fused: Theano", model, "27em")
        self.n_emb = integer("Embedding size", 50, "Size of an embedding (n_emb); a file has its own size", 4096)
        self.n_hidd = integer("Hidden units", 20, "Size of the hidden state (n_hidd)", 4096)
        self.activation = dropdown("Activation", ["logistic"], "The function f in h_t = f(W_x z_t + W_h h_{t-1})")
        self.peepholes = checkbox("Peepholes", "The gates see the cell, through the matrix W_c", True, width="110px")
        self.seed = seed(1234, "Seed of the random initialisation")
        what = "uniform01: between 0 and 1, as in the lab guide; the others preserve the scale of the signal"
        self.init = dropdown("Initialisation", INITS, what)
        what = "Random, or a file of pre-trained embeddings in the data folder"
        self.embeddings = dropdown("Embeddings", [RANDOM_EMBEDDINGS], what)
        self.freeze = checkbox("Freeze embeddings", "Do not train the embeddings", width="300px")
        self.advanced = Collapsible(self.peepholes, self.seed, self.init, self.embeddings, self.freeze)
        super().__init__([in_row(self.model, self.n_hidd, self.n_emb, self.activation), self.advanced])
        on_change(self._adapt, self.model, self.embeddings)
        self.refresh()
        self._adapt()
        _file_choices.add(self)

    def refresh(self) -> None:
        """Refresh the list of embeddings."""
        data = paths.data()
        files = sorted(file for file in data.glob("*_*") if file.is_file() and file.suffix != ".sha256")
        files += sorted(file for file in data.glob("sample/*_*") if file.is_file() and not file.suffix)
        set_options(self.embeddings, [RANDOM_EMBEDDINGS, *(str(file.relative_to(data)) for file in files)])

    def _adapt(self) -> None:
        known = activations_of(self.model.value)
        if self.activation.options != known:
            self.activation.options = known
        show(self.peepholes, self.is_lstm)
        has_none = True not in MODELS[self.model.value].peephole_options
        if has_none != self.peepholes.disabled:
            self.peepholes.disabled, self.peepholes.value = has_none, not has_none
        self.n_emb.disabled = self.embeddings.value != RANDOM_EMBEDDINGS

    def copy_from(self, settings: Settings) -> None:
        """Copy `settings` to the controls; ValueError if its embeddings are not in the data folder."""
        self.refresh()
        self.embeddings.value = _option_of(
            settings.embeddings or RANDOM_EMBEDDINGS, self.embeddings.options, "embeddings"
        )
        self.model.value = settings.model
        self.activation.value = settings.activation or self.activation.options[0]
        self.peepholes.value = settings.peepholes
        controls.set_values(self, ("n_emb", "n_hidd", "seed"), settings)
        self.init.value = settings.init
        self.freeze.value = settings.trainer.freeze_embeddings

    @property
    def is_lstm(self) -> bool:
        """Whether the chosen model is an LSTM."""
        return MODELS[self.model.value].family == "LSTM"

    def in_words(self) -> str:
        """Return a one-line summary."""
        return f"{self.model.value}, {self.n_hidd.value} hidden units, {self.activation.value}{self.advanced.changed}"

    def fields(self) -> dict[str, Any]:
        """Return these controls as fields of `Settings`, without the trainer's `freeze_embeddings`."""
        file = None if self.embeddings.value == RANDOM_EMBEDDINGS else self.embeddings.value
        peepholes = self.peepholes.value or not self.is_lstm
        chosen = controls.values(self, ("model", "n_emb", "n_hidd", "activation", "seed", "init"))
        return {**chosen, "peepholes": peepholes, "embeddings": file}


class RunChoice(widgets.HBox):
    """Dropdown of the stored runs, with a Refresh button."""

    def __init__(self, description: str = "Run") -> None:
        self._further: list[str] = []  # runs of sweeps, listed once `choose` asks for them
        self.run = dropdown(description, [], "A stored run", width="27em")  # a name, or None if there is no run
        again = button("Refresh", "Reload the list", icon="refresh")
        again.on_click(lambda _: self.refresh())
        self.left_out = view("left-out")  # damaged runs, with the reason
        super().__init__([self.run, again, self.left_out], layout=WRAP)
        self.refresh()

    def refresh(self) -> None:
        """List the runs that have a model, newest first."""
        whole, damaged = runs.find_runs()
        self.left_out.value = left_out(damaged)
        found = [run.folder for run in whole if (run.folder / "model.npz").exists()]
        names = [folder.name for folder in sorted(found, key=lambda folder: -(folder / "model.npz").stat().st_mtime)]
        set_options(self.run, [*self._further, *names])

    def choose(self, name: str) -> None:
        """Select a run, also a run of a sweep; ValueError if it does not exist or has no model."""
        if name not in self.run.options and (paths.runs() / name / "model.npz").is_file():
            self._further.append(name)
            self.refresh()
        if name not in self.run.options:
            raise ValueError(f"no trained run {name!r}: expected one of {', '.join(self.run.options)}")
        self.run.value = name

    def folder(self) -> Path:
        """Return the folder of the selected run; ValueError if there is no run."""
        if self.run.value is None:
            raise ValueError("no trained run yet: train one in the training panel, then press Refresh")
        return paths.runs() / self.run.value


class Checkboxes(widgets.HBox):
    """A row of checkboxes; `options` maps names to tooltips, `chosen` are the names ticked initially."""

    def __init__(self, description: str, options: Mapping[str, str], chosen: Sequence[str]) -> None:
        self.description = description
        self.boxes = {name: checkbox(name, tooltip, name in chosen) for name, tooltip in options.items()}
        heading = widgets.HTML(f"<b>{description}</b>", layout={"width": "11em"})
        super().__init__([heading, *self.boxes.values()], layout={**WRAP, "grid_gap": "0 14px"})

    @property
    def value(self) -> list[str]:
        """The ticked names; ValueError if there is none."""
        chosen = [name for name, box in self.boxes.items() if box.value]
        if not chosen:
            raise ValueError(f"{self.description}: choose at least one of {', '.join(self.boxes)}")
        return chosen


def left_out(damaged: Iterable[runs.Damaged]) -> str:
    """Return HTML that lists the damaged runs, or an empty string."""
    return "".join(f"<div><small>Skipped: {escape(run.why)}</small></div>" for run in damaged)


def _option_of(chosen: str, options: Iterable[str], what: str) -> str:
    """Return the option equal to `chosen`, as a name or as a path; ValueError if there is none."""
    for option in options:
        if option == chosen or paths.located(option).resolve() == paths.located(chosen).resolve():
            return option
    raise ValueError(
        f"{what} is the file {chosen}: it is not in the data folder {paths.data()} and cannot be selected here"
    )


def settings_code(settings: Settings) -> str:
    """Return Python code that creates `settings`, including imports."""
    plain = Settings(settings.corpus)
    given = settings.to_dict()
    trainer = {key: value for key, value in given.pop("trainer").items() if value != getattr(plain.trainer, key)}
    changed = {key: repr(value) for key, value in given.items() if key == "corpus" or value != getattr(plain, key)}
    imports = ["from lxmls_rnn.experiment import Settings"]
    if trainer:
        changed["trainer"] = f"Trainer({', '.join(f'{key}={value!r}' for key, value in trainer.items())})"
        imports.insert(0, "from lxmls_rnn.deep_learning.training import Trainer")
    lines = (f"    {key}={value}," for key, value in changed.items())
    return "\n".join([*imports, "", "settings = Settings(", *lines, ")", ""])
