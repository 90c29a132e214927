"""Controls made from the descriptions of settings, and code that makes the settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets

from lab.widgets.choices import Checkboxes
from lab.widgets.controls import checkbox, dropdown, field, in_row, integer, text
from lxmls_rnn.settings import Setting

MAX_INTEGER, MAX_FLOAT = 2**31 - 1, sys.float_info.max
NONE: Mapping[str, Any] = MappingProxyType({})
ASIDE: Any = {"margin": "2px 8px 2px 16px"}  # of a checkbox beside other controls


def control(setting: Setting, width: str = "22em", label: str = "10em") -> Any:
    """Make the control of a setting; 0 or the first option stands for None."""
    name, what, value = setting.label, setting.tooltip, setting.default
    if setting.kind is bool:
        return checkbox(name, what, value, **ASIDE)
    if setting.several and setting.choices:
        tooltips = setting.choices if isinstance(setting.choices, Mapping) else dict.fromkeys(setting.choices, what)
        return Checkboxes(name, tooltips, value or ())
    if setting.several:
        return text(name, setting.written(value or ()), what, width, label=label)
    if setting.kind is str:
        none = [setting.none] if setting.may_be_none else []
        return dropdown(name, [*none, *setting.choices], what, None if value is ... else value, width, label)
    number: Any = setting.switch[1] if setting.switch else value or 0
    if setting.kind is int:
        least = 0 if setting.may_be_none and not setting.switch else setting.least
        return integer(name, number, what, setting.most or MAX_INTEGER, width, least, label)
    limits: dict[str, Any] = {"min": setting.least, "max": MAX_FLOAT if setting.most is None else setting.most}
    if setting.step:
        limits |= {"step": setting.step, "readout_format": ".2f"}
        return field(widgets.FloatSlider, name, number, what, width, label, **limits)
    made = field(widgets.BoundedFloatText, name, number, what, width, label, step=0.1, **limits)
    return made.add_class("lab-positive") if setting.is_positive else made


class Controls:
    """Controls of settings; `controls["seed"]` is that of the setting `seed`.

    Parameters
    ----------
    settings
        Their descriptions by name.
    initial
        First values other than the defaults, by name.
    widths, width
        Widths of controls by name, and the width of the others.
    label
        Width of a label.
    """

    def __init__(
        self,
        settings: Mapping[str, Setting],
        initial: Mapping[str, Any] = NONE,
        widths: Mapping[str, str] = NONE,
        width: str = "22em",
        label: str = "10em",
    ) -> None:
        self.settings = settings
        first = {name: replace(one, default=initial.get(name, one.default)) for name, one in settings.items()}
        self._controls = {name: control(one, widths.get(name, width), label) for name, one in first.items()}

    def __getitem__(self, name: str) -> Any:
        """Return the control of a setting."""
        return self._controls[name]

    def row(self, *names: str) -> widgets.HBox:
        """Put the controls of these settings, by default of all, side by side."""
        return in_row(*(self[name] for name in names or self.settings))

    def value_of(self, name: str) -> Any:
        """Return the value of a setting; ValueError, which names its label, if its text is invalid."""
        setting, chosen = self.settings[name], self[name].value
        if setting.several:
            return tuple(chosen) if setting.choices else replace(setting, name=setting.label).parse(chosen)
        return None if setting.may_be_none and chosen in (0, setting.none) else chosen

    def values(self) -> dict[str, Any]:
        """Return the settings by name; errors as `value_of`."""
        return {name: self.value_of(name) for name in self.settings}


def settings_code(settings: Any, *used: Any, name: str = "settings") -> str:
    """Return code that makes an object of a data class, called `name`, from the fields other than their defaults.

    The code imports the needed classes, and the functions and classes `used`.
    """
    names: dict[str, set[str]] = {}
    for one in (*used, *_classes(settings)):
        names.setdefault(one.__module__, set()).add(one.__name__)
    imports = [f"from {module} import {', '.join(sorted(found))}" for module, found in sorted(names.items())]
    lines = [f"    {field}={_code(value)},\n" for field, value in _given(settings).items()]
    arguments = "\n" + "".join(lines) if lines else ""
    return "\n".join([*imports, "", f"{name} = {type(settings).__name__}({arguments})", ""])


def _given(settings: Any) -> dict[str, Any]:
    """Return the fields of an object of a data class that differ from their defaults."""
    found = {}
    for one in fields(settings):
        default = one.default if one.default_factory is MISSING else one.default_factory()
        if getattr(settings, one.name) != default:
            found[one.name] = getattr(settings, one.name)
    return found


def _classes(settings: Any) -> list[type]:
    """Return the class of an object of a data class, and those of the objects in its fields."""
    inner = (_classes(value) for value in _given(settings).values() if is_dataclass(value))
    return [type(settings), *chain.from_iterable(inner)]


def _code(value: Any) -> str:
    if not is_dataclass(value):
        return repr(value)
    arguments = (f"{name}={_code(one)}" for name, one in _given(value).items())
    return f"{type(value).__name__}({', '.join(arguments)})"
