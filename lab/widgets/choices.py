"""Groups of controls that several panels use: which corpus, which model, which run."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from lxmls_rnn import experiment, paths, runs
from lxmls_rnn.deep_learning.rnn import MODELS, numpy_class
from lxmls_rnn.experiment import CORPORA, Settings

WIDE = {"description_width": "10em"}
WRAP = {"flex_flow": "row wrap"}
UPLOADS = "uploads"
ALL = 100_000
NO_DEV = "none"
RANDOM = "random"


_file_choices: weakref.WeakSet[CorpusChoice | ModelChoice] = weakref.WeakSet()


def new_files() -> None:
    """Let every choice of a corpus or of embeddings look again which files there are: one has come."""
    for choice in list(_file_choices):
        choice.refresh()


def field(
    kind: Callable[..., Any], description: str, value: Any, tooltip: str, width: str = "22em", **more: Any
) -> Any:
    """Make a labelled control; `tooltip` says what it means."""
    return kind(description=description, value=value, tooltip=tooltip, style=WIDE, layout={"width": width}, **more)


def button(description: str, tooltip: str, style: str = "", icon: str = "", disabled: bool = False) -> widgets.Button:
    """Make a button as wide as its words."""
    return widgets.Button(
        description=description, tooltip=tooltip, button_style=style, icon=icon, disabled=disabled,
        layout={"width": "auto"},
    )  # fmt: skip


class CorpusChoice(widgets.VBox):
    """Which sentences, how many, with which vocabulary.

    Parameters
    ----------
    corpus
        A name in `CORPORA` or a file in the data folder.
    """

    def __init__(self, corpus: str = "sample") -> None:
        self.corpus = field(
            widgets.Dropdown,
            "Corpus",
            corpus,
            "The sample corpus, a fetched one, or a file of your own",
            options=[corpus],
        )
        self.dev = field(
            widgets.Dropdown, "Measure on", NO_DEV, "For a file of your own: the file to measure accuracy on",
            options=[NO_DEV],
        )  # fmt: skip
        self.max_sent_len = field(
            widgets.BoundedIntText,
            "Longest sentence",
            ALL,
            "Leave out sentences of so many words or more",
            min=1,
            max=ALL,
        )
        self.max_nr_sent = field(
            widgets.BoundedIntText, "Sentences at most", ALL, "Of each part of the corpus", min=1, max=ALL
        )
        self.vocabulary = field(
            widgets.Dropdown, "Vocabulary", "train",
            "train: words of the training part, rare ones become <unk>; guide: all words of both parts",
            options=list(experiment.VOCABULARIES),
        )  # fmt: skip
        self.min_count = field(
            widgets.BoundedIntText, "Least count", 2, "Words that come less often in the training part are <unk>",
            min=1, max=1000,
        )  # fmt: skip
        super().__init__([
            widgets.HBox([self.corpus, self.dev], layout=WRAP),
            widgets.HBox([self.max_sent_len, self.max_nr_sent, self.vocabulary, self.min_count],
                         layout=WRAP),
        ])  # fmt: skip
        self.corpus.observe(self._changed, "value")
        self.vocabulary.observe(self._changed, "value")
        self.refresh()
        self.corpus.value = corpus
        self._changed()
        _file_choices.add(self)

    def refresh(self) -> None:
        """Look again which files there are."""
        files = [
            f"{UPLOADS}/{file.name}"
            for file in sorted((paths.data() / UPLOADS).glob("*"))
            if not file.name.startswith(".")
        ]
        for dropdown, first in ((self.corpus, list(CORPORA)), (self.dev, [NO_DEV])):
            _offer(dropdown, first + files)

    def take(self, settings: Settings) -> None:
        """Set the controls to what `settings` has.

        Raises
        ------
        ValueError
            Its corpus is not among those that can be chosen.
        """
        self.refresh()
        self.corpus.value = _option_of(settings.train, self.corpus.options, "train")
        if self.corpus.value not in CORPORA:
            self.dev.value = NO_DEV if settings.dev is None else _option_of(settings.dev, self.dev.options, "dev")
        for name in ("max_sent_len", "max_nr_sent", "vocabulary", "min_count"):
            getattr(self, name).value = getattr(settings, name)

    def _changed(self, _: Any = None) -> None:
        self.dev.layout.display = "none" if self.corpus.value in CORPORA else None
        self.min_count.disabled = self.vocabulary.value != "train"

    def fields(self) -> dict[str, Any]:
        """Return the fields of `Settings` that this choice decides.

        Raises
        ------
        FileNotFoundError
            The corpus has not been fetched.
        """
        name = self.corpus.value
        if name in CORPORA:
            train, dev, _ = map(str, experiment.corpus_files(name))
        else:
            train = str(paths.data() / name)
            dev = "" if self.dev.value == NO_DEV else str(paths.data() / self.dev.value)
        return {
            "train": train,
            "dev": dev or None,
            "max_sent_len": self.max_sent_len.value,
            "max_nr_sent": self.max_nr_sent.value,
            "vocabulary": self.vocabulary.value,
            "min_count": self.min_count.value,
        }


def _offer(dropdown: widgets.Dropdown, options: list[str]) -> None:
    """Give a dropdown these options; what is chosen stays so if it is among them."""
    value = dropdown.value
    if list(dropdown.options) == options:
        return
    dropdown.options = options
    if value in options:
        dropdown.value = value


class ModelChoice(widgets.VBox):
    """Which model, of which size, from which numbers.

    Parameters
    ----------
    model
        A name in `MODELS`.
    """

    def __init__(self, model: str = "RNN") -> None:
        self.model = field(
            widgets.Dropdown, "Model", model, "NumPy: the teaching version; scan and fused: Theano",
            options=[(f"{name} ({entry.words})", name) for name, entry in MODELS.items()], width="27em",
        )  # fmt: skip
        self.n_emb = field(
            widgets.BoundedIntText,
            "Embedding size",
            50,
            "Numbers for a word; an embeddings file has its own",
            min=1,
            max=4096,
        )
        self.n_hidd = field(widgets.BoundedIntText, "Hidden units", 20, "Numbers in the hidden state", min=1, max=4096)
        self.activation = field(
            widgets.Dropdown, "Activation", "logistic", "The function f in h_t = f(W_x z_t + W_h h_{t-1})",
            options=["logistic"],
        )  # fmt: skip
        self.seed = field(
            widgets.BoundedIntText, "Seed", 1234, "Of the parameters that are drawn: the same seed, the same numbers",
            min=0, max=2**31 - 1,
        )  # fmt: skip
        self.embeddings = field(
            widgets.Dropdown, "Embeddings", RANDOM,
            "Random numbers, or a file of pre-trained embeddings in the data folder", options=[RANDOM],
        )  # fmt: skip
        self.freeze = widgets.Checkbox(
            description="Keep embeddings as they are", value=False, indent=False, tooltip="Do not train them"
        )
        super().__init__([
            widgets.HBox([self.model, self.n_hidd, self.n_emb], layout=WRAP),
            widgets.HBox([self.activation, self.seed, self.embeddings, self.freeze], layout=WRAP),
        ])  # fmt: skip
        self.model.observe(self._changed, "value")
        self.embeddings.observe(self._changed, "value")
        self.refresh()
        self._changed()
        _file_choices.add(self)

    def refresh(self) -> None:
        """Look again which embeddings there are."""
        found = [file.name for file in sorted(paths.data().glob("*_*")) if file.is_file() and file.suffix != ".sha256"]
        _offer(self.embeddings, [RANDOM, *found])

    def _changed(self, _: Any = None) -> None:
        known = numpy_class(self.model.value).activations
        if self.activation.options != known:
            self.activation.options = known
        self.n_emb.disabled = self.embeddings.value != RANDOM

    def take(self, settings: Settings) -> None:
        """Set the controls to what `settings` has; ValueError if its embeddings are not in the data folder."""
        self.refresh()
        file = settings.embeddings
        self.embeddings.value = RANDOM if file is None else _option_of(file, self.embeddings.options, "embeddings")
        self.model.value = settings.model
        self.activation.value = settings.activation or self.activation.options[0]
        for name in ("n_emb", "n_hidd", "seed"):
            getattr(self, name).value = getattr(settings, name)
        self.freeze.value = settings.trainer.freeze_embeddings

    def fields(self) -> dict[str, Any]:
        """Return the fields of `Settings` that this choice decides, but for the trainer's `freeze_embeddings`."""
        file = None if self.embeddings.value == RANDOM else str(paths.data() / self.embeddings.value)
        return {
            "model": self.model.value, "n_emb": self.n_emb.value, "n_hidd": self.n_hidd.value,
            "activation": self.activation.value, "seed": self.seed.value, "embeddings": file,
        }  # fmt: skip


class RunChoice(widgets.HBox):
    """Which of the runs on disk.

    Attributes
    ----------
    run
        The dropdown; its value is the run's name, or None where there is no run.
    left_out
        HTML: which runs are damaged, and why.
    """

    def __init__(self, description: str = "Run") -> None:
        self.run = field(widgets.Dropdown, description, None, "A run in the folder runs", width="27em", options=[])
        again = button("Look again", "List the runs anew", icon="refresh")
        again.on_click(lambda _: self.refresh())
        self.left_out = widgets.HTML().add_class("lab-left-out")
        super().__init__([self.run, again, self.left_out], layout=WRAP)
        self.refresh()

    def refresh(self) -> None:
        """List the runs that have a model, newest first."""
        whole, damaged = runs.find_runs()
        self.left_out.value = left_out(damaged)
        found = [run.folder for run in whole if (run.folder / "model.npz").exists()]
        names = [folder.name for folder in sorted(found, key=lambda folder: -(folder / "model.npz").stat().st_mtime)]
        _offer(self.run, names)
        if names and self.run.value is None:  # a dropdown made without options chooses none when they come
            self.run.value = names[0]

    def folder(self) -> Path:
        """Return the folder of the chosen run; ValueError where there is none."""
        if self.run.value is None:
            raise ValueError("there is no trained run yet: train one in the training panel, then press 'Look again'")
        return paths.runs() / self.run.value


def left_out(damaged: Iterable[ValueError]) -> str:
    """Return HTML that says which runs are damaged; nothing where there is none."""
    return "".join(f"<div><small>Left out: {escape(str(error))}</small></div>" for error in damaged)


def _option_of(file: str, options: Iterable[str], what: str) -> str:
    """Return the option of a dropdown that stands for a file."""
    for option in options:
        if Path(file).resolve() == (paths.data() / (CORPORA[option][0] if option in CORPORA else option)).resolve():
            return option
    raise ValueError(
        f"{what} is the file {file}, which is not in the data folder {paths.data()}: it cannot be chosen here"
    )


def settings_code(settings: Settings) -> str:
    """Return Python code that makes `settings`, with its imports; a path in the data folder is written from there."""
    plain = Settings(settings.train)
    lines = []
    for name, value in settings.to_dict().items():
        if name == "trainer" or (name != "train" and value == getattr(plain, name)):
            continue
        lines.append(f"    {name}={_literal(value)},")
    trainer = [
        f"{name}={value!r}" for name, value in settings.to_dict()["trainer"].items()
        if value != getattr(plain.trainer, name)
    ]  # fmt: skip
    if trainer:
        lines.append(f"    trainer=Trainer({', '.join(trainer)}),")
    imports = "from lxmls_rnn.deep_learning.training import Trainer\n" if trainer else ""
    return (
        f"from lxmls_rnn import paths\n{imports}from lxmls_rnn.experiment import Settings\n\nsettings = Settings(\n"
        + "\n".join(lines)
        + "\n)\n"
    )


def _literal(value: Any) -> str:
    data = paths.data()
    if isinstance(value, str) and Path(value).is_relative_to(data):
        return f'str(paths.data() / "{Path(value).relative_to(data).as_posix()}")'
    return repr(value)
