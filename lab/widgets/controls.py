"""Controls of panels: fields, buttons, rows, HTML views; those of described settings, and code for the settings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass, replace
from itertools import chain
from typing import Any
from urllib.parse import quote

import ipywidgets as widgets
import traitlets

from lab.drawing.looks import EMPTY, HIDDEN, RowBox, make, size_class, switch
from lxmls_rnn.settings import Setting

REFUSED = "lab-refused-"  # a CSS class: this, then the quoted sentence
ASIDE = "lab-aside"  # the CSS class of a checkbox beside other controls
ROW = "lab-row"  # that of a row, which wraps
RULE = "<hr style='margin:4px 0;border:0;border-top:1px solid var(--lab-border)'>"
AUTO = size_class("width", "auto")
MAX_SHOWN_SIZE = 20  # dimensions of an embedding and hidden units of a network that panels display
# Every event handler holds this lock: jobs change widgets in their own threads.
EVENT_LOCK = threading.RLock()


def tooltip_class(tooltip: str) -> str:
    """Return the CSS class from which `panels.js` makes the tooltip of a control and its label."""
    return f"lab-tip-{quote(tooltip, safe='')}"


def field(
    kind: type[widgets.Widget],
    name: str,
    value: Any,
    tooltip: str,
    width: str = "22em",
    label: str = "10em",
    *classes: str,
    **options: Any,
) -> Any:
    """Make a control; `name` is the text of its label, and `label` the width of the label.

    A field for text sends its value when it loses the focus or at Enter. If it sent each key, JupyterLab would hold the
    last keys back while the kernel is busy, and the press of a button would overtake them.
    """
    if issubclass(kind, widgets.Text | widgets.Textarea):
        options["continuous_update"] = False
    classes = (tooltip_class(tooltip), size_class("width", width), size_class("label", label), *classes)
    return make(kind, description=name, value=value, tooltip=tooltip, classes=classes, **options)


class ParsedText(widgets.Text):
    """A text field whose text `setting.parse` reads; below an invalid text `panels.js` shows why it is refused.

    The text stays as it was typed, and no value takes its place.
    """

    setting: Setting
    value = traitlets.CUnicode(help="The text; a number that is assigned becomes its text").tag(sync=True)
    _dom_classes: tuple[str, ...]

    @property
    def parsed(self) -> Any:
        """The value of the text; ValueError, which names the setting's label, if it is invalid."""
        return self.setting.parse(self.value.strip())

    @parsed.setter
    def parsed(self, value: Any) -> None:
        self.value = as_text(value)

    def limit(self, most: int) -> None:
        """Accept no number above `most`; a larger one becomes `most`."""
        self.setting = replace(self.setting, most=most)
        with suppress(ValueError):
            self.parsed = min(most, replace(self.setting, most=None).parse(self.value))
        self.judge()

    def judge(self, _: object = None) -> None:
        """Show why the text is refused, if it is."""
        classes = [name for name in self._dom_classes if not name.startswith(REFUSED)]
        try:
            _ = self.parsed
        except ValueError as error:
            classes.append(REFUSED + quote(str(error), safe=""))
        self._dom_classes = tuple(classes)


def as_text(value: Any) -> str:
    """Return the text of a value, which `Setting.parse` reads."""
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def parsed_text(
    setting: Setting, width: str = "22em", label: str = "10em", *classes: str, tooltip: str = ""
) -> ParsedText:
    """Make a field for the value of a setting, which its messages call by its label; at first it has the default."""
    tooltip, value = tooltip or setting.tooltip, as_text(setting.default)
    made = field(ParsedText, setting.label, value, tooltip, width, label, *classes)
    made.setting = replace(setting, name=setting.label)
    made.observe(made.judge, "value")
    return made


def integer(
    name: str,
    value: int,
    tooltip: str,
    most: int,
    width: str = "22em",
    least: int = 1,
    label: str = "10em",
    *classes: str,
) -> ParsedText:
    """Make a field for an integer from `least` to `most`."""
    setting = Setting(name, tooltip, least=least, most=most, kind=int, default=value)
    return parsed_text(setting, width, label, *classes)


def dropdown(
    name: str, options: Iterable[Any], tooltip: str, value: Any = None, width: str = "22em", label: str = "10em"
) -> widgets.Dropdown:
    """Make a dropdown; by default, the first option is selected."""
    options = list(options)
    if value is None and options:
        value = options[0][1] if isinstance(options[0], tuple) else options[0]
    return field(widgets.Dropdown, name, value, tooltip, width, label, options=options)


def text(name: str, value: str, tooltip: str, width: str = "22em", **options: Any) -> widgets.Text:
    """Make a field for text."""
    return field(widgets.Text, name, value, tooltip, width, **options)


def checkbox(name: str, tooltip: str, value: bool = False, *classes: str) -> widgets.Checkbox:
    """Make a checkbox as wide as its label."""
    classes = (tooltip_class(tooltip), AUTO, *classes)
    return make(widgets.Checkbox, description=name, value=value, tooltip=tooltip, indent=False, classes=classes)


def toggles(options: Mapping[str, str], width: str = "auto", *classes: str) -> widgets.ToggleButtons:
    """Make a group of buttons, one of them selected; `options` maps labels to tooltips, `width` is that of a button."""
    classes = (AUTO, size_class("buttons", width), *classes)
    return make(widgets.ToggleButtons, options=list(options), tooltips=list(options.values()), classes=classes)


def button(name: str, tooltip: str, style: str = "", icon: str = "", disabled: bool = False) -> widgets.Button:
    """Make a button as wide as its label."""
    look: Any = {"button_style": style, "icon": icon, "classes": [AUTO]}
    return make(widgets.Button, description=name, tooltip=tooltip, disabled=disabled, **look)


def progress_bar(width: str, *classes: str, **options: Any) -> widgets.FloatProgress:
    """Make a progress bar from 0 to 1."""
    return make(widgets.FloatProgress, min=0, max=1, classes=(size_class("width", width), *classes), **options)


def view(*names: str) -> widgets.HTML:
    """Make an HTML view with a CSS class `lab-name` for each name, used by the style sheet and by tests."""
    return make(widgets.HTML, classes=[f"lab-{name}" for name in names])


def in_row(*children: widgets.Widget) -> widgets.HBox:
    """Put widgets side by side; the row wraps."""
    return RowBox(children, [ROW])


def show(widget: widgets.Widget, visible: bool = True) -> None:
    """Show or hide a widget."""
    switch(widget, HIDDEN, not visible)


def is_hidden(widget: widgets.Widget) -> bool:
    """Return whether `show` has hidden a widget."""
    return HIDDEN in widget._dom_classes


def set_options(control: widgets.Widget, options: Iterable[object], value: object = None) -> None:
    """Replace the options of a control and select `value` (default: the present one) or, if missing, the first."""
    options = list(options)
    kept = control.value if value is None else value
    values = [option[1] if isinstance(option, tuple) else option for option in options]
    with control.hold_sync():
        if list(control.options) != options:
            control.options = options
        control.value = kept if kept in values else next(iter(values), None)


def on_change(action: Callable[[], object], *controls: widgets.Widget) -> None:
    """Call `action`, holding `EVENT_LOCK`, when the value of one of the controls changes."""

    def act(_: object) -> None:
        with EVENT_LOCK:
            action()

    for control in controls:
        control.observe(act, "value")


def unfolding(widget: widgets.Widget, name: str, tooltip: str, icon: str = "") -> widgets.ToggleButton:
    """Hide a widget, and make a button that shows it while the button is on."""
    look: Any = {"icon": icon, "classes": [AUTO, "lab-unfolding"]}
    made = make(widgets.ToggleButton, description=name, tooltip=tooltip, **look)
    on_change(lambda: show(widget, made.value), made)
    show(widget, False)
    return made


class Checkboxes(RowBox):
    """A row of checkboxes; `options` maps names to tooltips, `chosen` are the names ticked initially."""

    def __init__(self, description: str, options: Mapping[str, str], chosen: Sequence[str]) -> None:
        self.description = description
        self.boxes = {name: checkbox(name, tooltip, name in chosen) for name, tooltip in options.items()}
        self.heading = make(widgets.HTML, f"<b>{description}</b>", classes=[size_class("width", "11em")])
        super().__init__([self.heading, *self.boxes.values()], [ROW, "lab-boxes"])

    @property
    def value(self) -> list[str]:
        """The ticked names; ValueError if there is none."""
        chosen = [name for name, box in self.boxes.items() if box.value]
        if not chosen:
            possible = [name for name, box in self.boxes.items() if not box.disabled]
            raise ValueError(f"{self.description}: choose at least one of {', '.join(possible)}")
        return chosen


def control(setting: Setting, width: str = "22em", label: str = "10em") -> Any:
    """Make the control of a setting; of a list, the first option stands for None."""
    name, tooltip, value = setting.label, setting.tooltip, setting.default
    if setting.kind is bool:
        return checkbox(name, tooltip, value, ASIDE)
    if setting.several and setting.choices:
        tooltips = setting.choices if isinstance(setting.choices, Mapping) else dict.fromkeys(setting.choices, tooltip)
        return Checkboxes(name, tooltips, value or ())
    if setting.kind is str:
        none = [setting.none] if setting.may_be_none else []
        return dropdown(name, [*none, *setting.choices], tooltip, None if value is ... else value, width, label)
    if setting.step:
        look: dict[str, Any] = {
            "min": setting.least,
            "max": setting.most,
            "step": setting.step,
            "readout_format": ".2f",
        }
        return field(widgets.FloatSlider, name, value, tooltip, width, label, **look)
    if setting.switch or setting.several:
        setting = replace(setting, default=setting.switch[1] if setting.switch else value or (), may_be_none=False)
    return parsed_text(setting, width, label, tooltip=tooltip)


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
        initial: Mapping[str, Any] = EMPTY,
        widths: Mapping[str, str] = EMPTY,
        width: str = "22em",
        label: str = "10em",
    ) -> None:
        self.settings = settings
        first = {
            name: replace(setting, default=initial.get(name, setting.default)) for name, setting in settings.items()
        }
        self._controls = {name: control(setting, widths.get(name, width), label) for name, setting in first.items()}

    def __getitem__(self, name: str) -> Any:
        """Return the control of a setting."""
        return self._controls[name]

    def row(self, *names: str) -> widgets.HBox:
        """Put the controls of these settings, by default of all, side by side."""
        return in_row(*(self[name] for name in names or self.settings))

    def value_of(self, name: str) -> Any:
        """Return the value of a setting; ValueError, which names its label, if its text is invalid."""
        setting, its_control = self.settings[name], self[name]
        if isinstance(its_control, ParsedText):
            return its_control.parsed
        if setting.several:
            return tuple(its_control.value)
        return None if setting.may_be_none and its_control.value == setting.none else its_control.value

    def values(self) -> dict[str, Any]:
        """Return the settings by name; errors as `value_of`."""
        return {name: self.value_of(name) for name in self.settings}


def settings_code(settings: Any, *used: Any, name: str = "settings") -> str:
    """Return code that makes an object of a data class, called `name`, from the fields that differ from the defaults.

    The code imports the needed classes, and the functions and classes `used`.
    """
    names: dict[str, set[str]] = {}
    for imported in (*used, *_classes(settings)):
        names.setdefault(imported.__module__, set()).add(imported.__name__)
    imports = [f"from {module} import {', '.join(sorted(members))}" for module, members in sorted(names.items())]
    lines = [f"    {field}={_code(value)},\n" for field, value in _given(settings).items()]
    arguments = "\n" + "".join(lines) if lines else ""
    return "\n".join([*imports, "", f"{name} = {type(settings).__name__}({arguments})", ""])


def _given(settings: Any) -> dict[str, Any]:
    """Return the fields of an object of a data class that differ from their defaults."""
    given = {}
    for field in fields(settings):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if getattr(settings, field.name) != default:
            given[field.name] = getattr(settings, field.name)
    return given


def _classes(settings: Any) -> list[type]:
    """Return the class of an object of a data class, and those of the objects in its fields."""
    inner = (_classes(value) for value in _given(settings).values() if is_dataclass(value))
    return [type(settings), *chain.from_iterable(inner)]


def _code(value: Any) -> str:
    if not is_dataclass(value):
        return repr(value)
    arguments = (f"{name}={_code(argument)}" for name, argument in _given(value).items())
    return f"{type(value).__name__}({', '.join(arguments)})"
