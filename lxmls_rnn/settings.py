"""Descriptions of settings: the fields of a data class say how each is called, explained and checked.

From them come the options of the command line, the controls of the panels, `--vary`, the checks and the documentation:

    @described
    @dataclass(frozen=True)
    class Trainer:
        epochs: int = setting(5, "Epochs", "Passes over the training part", least=1)

        def __post_init__(self) -> None:
            check(self)

The type of a field is bool, int, float or str, a tuple of several of them such as `tuple[int, ...]`, or one of these or
None.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lxmls_rnn import paths
from lxmls_rnn.storage.messages import quoted

T = TypeVar("T", bound=type)
SETTING = "setting"
MAX_SEED = 2**32 - 1  # of numpy.random.RandomState
WORDS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Setting:
    """The description of a setting."""

    label: str  # in panels; empty if no panel has a control for it
    help: str  # for options, tooltips and docstrings, without a full stop; "{choices}" stands for the choices
    part: str = "training"  # of the settings: corpus, model or training
    # of a text, in a mapping with their explanations; there are no others, unless `is_file` or `test` is given
    choices: tuple[str, ...] | Mapping[str, str] = ()
    least: int = 0  # of a number
    most: int | None = None
    is_positive: bool = False  # whether a number must be greater than 0
    none: str = ""  # the meaning of None, if it is allowed
    switch: tuple[str, float] | None = (
        None  # in panels: a checkbox without which it is None; the first number beside it
    )
    step: float = 0.0  # in panels: of the slider of a float; 0: a field to type it
    is_basic: bool = False  # whether panels always show it, not only under More
    is_file: bool = False  # whether it is the path of a file, or one of the `choices`
    test: Callable[[Any], object] | None = None  # raises ValueError for an invalid text
    # from the field, by `settings_of`:
    name: str = ""
    kind: type = str  # bool, int, float or str
    several: bool = False  # whether a value is a tuple of at least one of them
    default: Any = ...  # ... if it has none
    may_be_none: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether the `choices` are all values."""
        return bool(self.choices) and not self.is_file and self.test is None

    @property
    def sentence(self) -> str:
        """The help with the choices, for readers who do not see them, and how to write several of them."""
        several = "; several: a,b" if self.several and self.choices else ""
        return f"{self.help.replace('{choices}', ', '.join(self.choices))}{several}."

    @property
    def tooltip(self) -> str:
        """The help beside a control, which shows the choices; with the meaning of the text "none", if it is typed."""
        is_typed = self.may_be_none and self.kind is not str and not self.switch and not self.several
        none = f"; none: {self.none}" if is_typed else ""
        return self._help_without_choices.replace("`", "") + none

    @property
    def _help_without_choices(self) -> str:
        return self.help.replace(": {choices}", "")

    @property
    def expected(self) -> str:
        """A valid value in words: "one of train, guide", "an integer of at least 1", "a positive number or none".

        If a value is a tuple, these are the words for each of its parts.
        """
        if self.is_closed:
            words = f"one of {', '.join(self.choices)}"
        elif self.kind is bool:
            words = "true or false"
        elif self.kind is str:
            words = "the path of a file, as text in UTF-8" if self.is_file else "text"
        elif self.kind is int or self.most is not None:
            limits = f"of at least {self.least}" if self.most is None else f"from {self.least} to {self.most}"
            words = f"{'an integer' if self.kind is int else 'a number'} {limits}"
        else:
            words = f"a {'positive' if self.is_positive else 'non-negative'} number"
        return f"{words} or none" if self.may_be_none else words

    def check(self, value: object) -> None:
        """Raise ValueError if a value is invalid."""
        if value is None and self.may_be_none:
            return
        if not self.several:
            parts = [value]
        elif isinstance(value, tuple | list) and value:
            parts = list(value)
        else:
            raise ValueError(f"{self.name} must be a tuple of at least one value, got {quoted(value)}")
        for part in parts:
            if not self._fits(part):
                raise ValueError(f"{self.name} must be {self.expected}, got {quoted(part)}")
            if self.test is not None:
                self.test(part)

    def _fits(self, value: Any) -> bool:
        if bool in (self.kind, type(value)):
            return self.kind is type(value)
        if self.kind is str:
            is_text = isinstance(value, str)
            return is_text and (value in self.choices if self.is_closed else not self.is_file or _is_path(value))
        is_number = isinstance(value, Integral if self.kind is int else Real)
        return (
            is_number
            and self.least <= value <= (math.inf if self.most is None else self.most)
            and (abs(value) < math.inf and (value > 0 or not self.is_positive))
        )

    def parse(self, text: str) -> Any:
        """Return a value that is written as text, a file as by `absolute`; ValueError if it is invalid."""
        try:
            if self.may_be_none and text.lower() == "none":
                return None
            parts = [part.strip() for part in text.split(",")] if self.several else [text]
            values = tuple(WORDS[part.lower()] if self.kind is bool else self.kind(part) for part in parts)
        except (ValueError, KeyError):
            several = ", or several separated by commas" if self.several else ""
            point = text.replace(",", ".")
            hint = f": write {point}" if self.kind is float and re.fullmatch(r"\d*,\d+", text) else ""
            raise ValueError(f"{self.name} must be {self.expected}{several}, got {quoted(text)}{hint}") from None
        value = values if self.several else values[0]
        self.check(value)
        return self.absolute(value)

    def absolute(self, value: Any) -> Any:
        """Return the absolute path of a file; other values unchanged.

        A name also stays: that of a choice, and that of a file in the folder of data, unless there is such a file here.
        """
        if not self.is_file or value is None:
            return value
        is_name = not Path(value).is_file() and (self.choices or paths.located(value).is_file())
        return value if is_name else str(Path(value).resolve())


def _is_path(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode())
    except UnicodeEncodeError:
        return False


def short_text(value: object) -> str:
    """Return the value of a setting as short text for names and tables: a file as its name, None as "none"."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)


def setting(default: Any, *description: Any, **more: Any) -> Any:
    """Return a field of a data class: its default value (... for none), then the arguments of `Setting`."""
    metadata = {"json_schema_extra": {SETTING: Setting(*description, **more)}}  # a key that pydantic knows
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


@cache
def settings_of(owner: type) -> dict[str, Setting]:
    """Return the settings among the fields of a data class, by name."""
    settings, hints = {}, get_type_hints(owner)
    for one in fields(owner):
        if "json_schema_extra" in one.metadata:
            hint = hints[one.name]
            kind, *none = get_args(hint) if isinstance(hint, UnionType) else (hint,)
            several = get_origin(kind) is tuple
            kind = get_args(kind)[0] if several else kind
            default = ... if one.default is MISSING else one.default
            own = {"name": one.name, "kind": kind, "default": default, "may_be_none": bool(none), "several": several}
            settings[one.name] = replace(one.metadata["json_schema_extra"][SETTING], **own)
    return settings


def check(owner: Any) -> None:
    """Raise ValueError, which names the setting, if one of an object's settings is invalid."""
    for name, setting in settings_of(owner.__class__).items():
        setting.check(getattr(owner, name))


def described(owner: T) -> T:
    """Add the settings of a data class to its docstring."""
    lines = [inspect.cleandoc(owner.__doc__ or ""), "", "Parameters", "----------"]
    for name, setting in settings_of(owner).items():
        default = "" if setting.default is ... else f", default {setting.default!r}"
        none = f" None: {setting.none}." if setting.none else ""
        lines += [f"{name} : {'tuple, each ' if setting.several else ''}{setting.expected}{default}"]
        label = f" In panels: {setting.label}." if setting.label else ""
        lines += [f"    {setting._help_without_choices}.{none}{label}"]
    lines += ["", "Raises", "------", "ValueError", "    A setting has the wrong type or is out of range."]
    owner.__doc__ = "\n".join(lines) + "\n"
    return owner
