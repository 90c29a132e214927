"""Factory functions for the controls of panels: fields, buttons, rows and HTML views."""

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

import ipywidgets as widgets

WRAP = {"flex_flow": "row wrap"}
RULE = "<hr style='margin:4px 0;border:0;border-top:1px solid var(--lab-border)'>"
MAX_SIZE = 20  # dimensions of an embedding and hidden units of a network that panels display
# Every event handler holds this lock: JupyterLab delivers the events of each widget in a separate thread of the kernel
# (a subshell), and jobs run in their own threads.
EVENT_LOCK = threading.RLock()


def answer_beside_cells() -> None:
    """Let the kernel handle the events of widgets in the subshells that JupyterLab chose, also while a cell runs.

    ipykernel 7.4 hands them to the thread that made the widget, that of the cells.
    """
    if "ipykernel.comm.comm" in sys.modules:  # in a kernel
        sys.modules["ipykernel.comm.comm"].BaseComm._reply_subshell_for = lambda comm, data, chosen: chosen


def tooltip_class(tooltip: str) -> str:
    """Return the CSS class from which `tooltips.js` makes the tooltip of a control and its label."""
    return f"lab-tip-{quote(tooltip, safe='')}"


def field(
    kind: type[widgets.Widget],
    name: str,
    value: Any,
    tooltip: str,
    width: str = "22em",
    label: str = "10em",
    **options: Any,
) -> Any:
    """Make a control; `name` is the text of its label, and `label` the width of the label.

    A field for text sends its value when it loses the focus or at Enter. If it sent each key, JupyterLab would hold the
    last keys back while the kernel is busy, and the press of a button would overtake them.
    """
    if issubclass(kind, widgets.Text | widgets.Textarea):
        options["continuous_update"] = False
    appearance = {"style": {"description_width": label}, "layout": {"width": width}}
    made = kind(description=name, value=value, tooltip=tooltip, **appearance, **options)
    return made.add_class(tooltip_class(tooltip))


def integer(
    name: str, value: int, tooltip: str, most: int, width: str = "22em", least: int = 1, label: str = "10em"
) -> widgets.BoundedIntText:
    """Make a field for an integer from `least` to `most`."""
    return field(widgets.BoundedIntText, name, value, tooltip, width, label, min=least, max=most)


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


def checkbox(name: str, tooltip: str, value: bool = False, **layout: Any) -> widgets.Checkbox:
    """Make a checkbox as wide as its label, unless `layout` overrides the width."""
    appearance = {"indent": False, "layout": {"width": "auto", **layout}}
    made = widgets.Checkbox(description=name, value=value, tooltip=tooltip, **appearance)
    return made.add_class(tooltip_class(tooltip))


def toggles(options: Mapping[str, str], width: str = "auto") -> widgets.ToggleButtons:
    """Make a group of buttons, one of them selected; `options` maps labels to tooltips, `width` is that of a button."""
    appearance = {"style": {"button_width": width}, "layout": {"width": "auto"}}
    return widgets.ToggleButtons(options=list(options), tooltips=list(options.values()), **appearance)


def button(name: str, tooltip: str, style: str = "", icon: str = "", disabled: bool = False) -> widgets.Button:
    """Make a button as wide as its label."""
    appearance = {"button_style": style, "icon": icon, "layout": {"width": "auto"}}
    return widgets.Button(description=name, tooltip=tooltip, disabled=disabled, **appearance)


def progress_bar(width: str, **options: Any) -> widgets.FloatProgress:
    """Make a progress bar from 0 to 1."""
    return widgets.FloatProgress(min=0, max=1, layout={"width": width}, **options)


def view(*names: str, **layout: str) -> widgets.HTML:
    """Make an HTML view with a CSS class `lab-name` for each name, used by the style sheet and by tests."""
    made = widgets.HTML(layout=layout)
    for name in names:
        made.add_class(f"lab-{name}")
    return made


def in_row(*children: widgets.Widget) -> widgets.HBox:
    """Put widgets side by side; the row wraps."""
    return widgets.HBox(children, layout=WRAP)


def show(widget: widgets.Widget, visible: bool = True) -> None:
    """Show or hide a widget."""
    widget.layout.display = None if visible else "none"


def set_options(control: widgets.Widget, options: Iterable[object], value: object = None) -> None:
    """Replace the options of a control and select `value` (default: the present one) or, if missing, the first."""
    options = list(options)
    kept = control.value if value is None else value
    values = [option[1] if isinstance(option, tuple) else option for option in options]
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
    layout = {"width": "auto", "align_self": "flex-start"}
    made = widgets.ToggleButton(description=name, tooltip=tooltip, icon=icon, layout=layout)
    on_change(lambda: show(widget, made.value), made)
    show(widget, False)
    return made
