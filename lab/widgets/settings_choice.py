"""Controls of the settings of a training, made from their descriptions."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets as widgets

from lab.drawing.looks import EMPTY, ColumnBox, size_class
from lab.widgets.controls import (
    ASIDE,
    Controls,
    ParsedText,
    checkbox,
    field,
    in_row,
    is_hidden,
    on_change,
    set_options,
    show,
    toggles,
    unfolding,
)
from lxmls_rnn import paths
from lxmls_rnn.datasets import corpora, reach, treebanks
from lxmls_rnn.deep_learning.models import MODELS, activations_of
from lxmls_rnn.experiment import SETTINGS, Settings

UPLOADS = "uploads"
REACH = "reach"  # option for all corpora reach:K; K has its own control

_choices: weakref.WeakSet[SettingsChoice] = weakref.WeakSet()


def new_files() -> None:
    """Refresh the file lists of all choices after a new file was added."""
    for choice in list(_choices):
        choice.refresh()


class SettingsChoice(ColumnBox, Controls):
    """Controls of the settings of a `part`.

    The button `more` shows and hides the rarely used ones.
    """

    part = ""
    widths: Mapping[str, str] = EMPTY  # by setting, of controls that are not as wide as the others

    def __init__(self) -> None:
        described = {name: setting for name, setting in SETTINGS.items() if setting.part == self.part}
        beside = {name: "16em" for name, setting in described.items() if setting.switch}
        Controls.__init__(self, described, widths={**beside, **self.widths})
        self.switches: dict[str, widgets.Checkbox] = {}  # of settings that are None while it is off
        rows: dict[bool, list[widgets.Widget]] = {True: [], False: []}
        for name, setting in self.settings.items():
            if setting.switch:
                self.switches[name] = checkbox(setting.switch[0], setting.tooltip, False, ASIDE)
                rows[setting.is_basic].append(self.switches[name])
            rows[setting.is_basic].append(self[name])
        rare = in_row(*rows[False])
        self.more = unfolding(rare, "More", "Rarely used settings", "sliders")
        ColumnBox.__init__(self, [in_row(*rows[True]), self.more, rare])
        on_change(self._adapt, *(one for one in (*rows[True], *rows[False]) if not isinstance(one, ParsedText)))
        self.refresh()
        self._adapt()
        _choices.add(self)

    def _adapt(self) -> None:
        """Adapt the controls to the values of others; those of typed texts decide nothing."""
        for name, switch in self.switches.items():
            self[name].disabled = not switch.value

    def in_words(self, with_basic: bool = True) -> str:
        """Return the settings in use as text: the basic ones, and those others that differ from their default.

        Raise ValueError if one is invalid.
        """
        parts = []
        for name, setting in self.settings.items():
            its_control, value = self[name], self.value_of(name)
            counts = not its_control.disabled and not is_hidden(its_control)
            if counts and (with_basic if setting.is_basic else value != setting.default):
                label, value = setting.label[0].lower() + setting.label[1:], setting.none if value is None else value
                parts.append(f"{label} {value}" if setting.kind is not bool else label if value else f"no {label}")
        return ", ".join(parts)

    def value_of(self, name: str) -> Any:
        """Return the value of a setting, None if it has a switch that is off."""
        if name in self.switches:
            return self[name].parsed if self.switches[name].value else None
        return super().value_of(name)

    def copy(self, name: str, value: Any) -> None:
        """Copy the value of a setting to its control; ValueError if it is a file that is not in the list."""
        setting, its_control = self.settings[name], self[name]
        if name in self.switches:
            self.switches[name].value = value is not None
        if isinstance(its_control, ParsedText):
            if value is not None or name not in self.switches:
                its_control.parsed = value
            return
        value = setting.none if value is None else value
        its_control.value = _option_of(value, its_control.options, name) if setting.is_file else value

    def copy_from(self, settings: Settings) -> None:
        """Copy `settings` to the controls; errors as `copy`."""
        self.refresh()
        for name, value in settings.flat().items():
            if name in self.settings:
                self.copy(name, value)

    def refresh(self) -> None:
        """Refresh the lists of files."""


class CorpusChoice(SettingsChoice):
    """Controls for corpus, limits and vocabulary; `corpus` is a name of `corpus_files` or a file in the data folder.

    By default it is the corpus of LXMLS_CORPUS, or the sample.
    """

    part = "corpus"

    def __init__(self, corpus: str | None = None) -> None:
        tooltip = "Dependency distance in words: K of the corpus reach:K"
        drag: dict[str, Any] = {"min": 1, "max": reach.MAX_DISTANCE, "continuous_update": False}
        self.distance = field(widgets.IntSlider, "Distance", 5, tooltip, "38em", **drag)
        super().__init__()
        first, *others = self.children[0].children
        self.children[0].children = (first, self.distance, *others)
        self.copy("corpus", corpus or corpora.default())

    def refresh(self) -> None:
        """Refresh the lists of corpora."""
        uploads = sorted((paths.data() / UPLOADS).glob("*"))
        files = [f"{UPLOADS}/{file.name}" for file in uploads if not file.name.startswith(".")]
        known = [*corpora.CORPORA, *corpora.own(), *treebanks.below(paths.data()), corpora.default()]
        named = [*(name for name in dict.fromkeys(known) if reach.distance_of(name) is None), REACH]
        set_options(self["corpus"], named + files)
        set_options(self["dev"], [self.settings["dev"].none, *files])

    def _adapt(self) -> None:
        super()._adapt()
        show(self["dev"], not self.name)
        show(self.distance, self["corpus"].value == REACH)
        self["min_count"].disabled = self["vocabulary"].value != "train"

    @property
    def name(self) -> str:
        """The name of the corpus, or an empty string for the user's own file."""
        chosen = self["corpus"].value
        is_file = chosen.startswith(f"{UPLOADS}/")
        return f"{REACH}:{self.distance.value}" if chosen == REACH else "" if is_file else chosen

    def value_of(self, name: str) -> Any:
        """Return the value of a setting; a corpus that has a name brings its own dev part."""
        if self.name and name in ("corpus", "dev"):
            return self.name if name == "corpus" else None
        return super().value_of(name)

    def values(self) -> dict[str, Any]:
        """Return the settings by name; FileNotFoundError if the corpus is not downloaded."""
        if self.name:
            corpora.corpus_files(self.name)
        return super().values()

    def copy(self, name: str, value: Any) -> None:
        """Copy the value of a setting to its control; the training file of a named corpus becomes the corpus's name."""
        if name == "corpus":
            known = corpora.corpus_name(value)
            distance = reach.distance_of(known)
            self.distance.value = distance or self.distance.value
            value = REACH if distance else known if corpora.find(known) else value
        if name != "dev" or not self.name:
            super().copy(name, value)


class ModelChoice(SettingsChoice):
    """Controls for model (a name in `MODELS`), sizes, initialisation and embeddings."""

    part = "model"
    widths: Mapping[str, str] = {"model": "27em", "dtype": "27em"}

    def __init__(self, model: str = "RNN") -> None:
        super().__init__()
        set_options(self["model"], [(f"{name} ({known.label})", name) for name, known in MODELS.items()], model)

    def refresh(self) -> None:
        """Refresh the list of embeddings."""
        data = paths.data()
        files = sorted(file for file in data.glob("*_*") if file.is_file() and file.suffix != ".sha256")
        files += sorted(file for file in data.glob("sample/*_*") if file.is_file() and not file.suffix)
        none = self.settings["embeddings"].none
        set_options(self["embeddings"], [none, *(str(file.relative_to(data)) for file in files)])

    def _adapt(self) -> None:
        super()._adapt()
        known = activations_of(self["model"].value)
        if self["activation"].options != known:
            self["activation"].options = known
        show(self["peepholes"], self.is_lstm)
        has_none = True not in MODELS[self["model"].value].peephole_options
        if has_none != self["peepholes"].disabled:
            self["peepholes"].disabled, self["peepholes"].value = has_none, not has_none
        self["n_emb"].disabled = self.value_of("embeddings") is not None

    def copy(self, name: str, value: Any) -> None:
        """Copy the value of a setting to its control, for the activation None that of the model's first activation."""
        super().copy(name, value or self["activation"].options[0] if name == "activation" else value)

    @property
    def is_lstm(self) -> bool:
        """Whether the chosen model is an LSTM."""
        return MODELS[self["model"].value].family == "LSTM"

    def value_of(self, name: str) -> Any:
        """Return the value of a setting; a model other than an LSTM counts as one with peepholes."""
        return (name == "peepholes" and not self.is_lstm) or super().value_of(name)


class TrainerChoice(SettingsChoice):
    """Controls for epochs, learning rate, batches, clipping and early stopping."""

    part = "training"


def group_buttons(trainer: SettingsChoice, model: SettingsChoice, corpus: SettingsChoice) -> widgets.Widget:
    """Return buttons that show one of the three groups of controls, and hide the others."""
    groups = {"Training": trainer, "Model": model, "Corpus": corpus}
    shown = toggles({name: f"{name} settings" for name in groups}, "6em", "lab-part")

    def show_one() -> None:
        for name, group in groups.items():
            show(group, shown.value == name)

    on_change(show_one, shown)
    show_one()
    shown.description = "Settings of"
    return shown.add_class(size_class("label", "9em"))


def chosen_settings(*choices: SettingsChoice) -> Settings:
    """Return the settings in several groups of controls, the corpus among them; ValueError if one is invalid."""
    values = {name: value for choice in choices for name, value in choice.values().items()}
    return Settings(values["corpus"]).changed(**values)


def _option_of(chosen: str, options: Iterable[str], name: str) -> str:
    """Return the option equal to `chosen`, as a name or as a path; ValueError if there is none."""
    for option in options:
        if option == chosen or paths.located(option).resolve() == paths.located(chosen).resolve():
            return option
    raise ValueError(
        f"{name} is the file {chosen}: it is not in the data folder {paths.data()} and cannot be selected here"
    )
