"""Looks of widgets: CSS classes, so that the widgets of a panel share one layout, and one style of each kind.

The kernel sends a message for each layout and style that it makes. ipywidgets makes new ones for each widget, which are
most of a panel's messages. Sizes are the classes of `style_sheet`; `panels.css` has all other looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import ipywidgets as widgets

EMPTY: Mapping[str, Any] = MappingProxyType({})
SIZES = ("auto", *(f"{size}em" for size in range(2, 51)))
HIDDEN, INVISIBLE = "lab-not-shown", "lab-invisible"  # an invisible widget keeps its place
W = TypeVar("W", bound=widgets.Widget)
_made: dict[tuple[type[widgets.Widget], frozenset[tuple[str, Any]]], widgets.Widget] = {}


def shared(kind: type[widgets.Widget], values: Mapping[str, Any] = EMPTY) -> widgets.Widget:
    """Return the layout, style or scale with these values: one object for all panels, so do not change it."""
    key = kind, frozenset(values.items())
    if key not in _made or _made[key].comm is None:  # closed, as all widgets by `Widget.close_all`
        _made[key] = kind(**values)
    return _made[key]


def size_class(of: str, value: str) -> str:
    """Return the CSS class of a size: "width" of a widget, of its "label" or its "buttons"; ValueError if unknown."""
    if value not in SIZES:
        raise ValueError(f"{of} {value!r}: expected auto, or 2em to 50em")
    return f"lab-{of}-{value}"


def style_sheet() -> str:
    """Return the rules of the classes that `size_class` returns; they must win over ipywidgets' own rules."""
    parts = {"width": "", "label": ">.widget-label", "buttons": " .widget-toggle-button"}
    return "\n".join(
        f".lab-panel .lab-{of}-{value}.lab-{of}-{value}{part}{{width:{value}}}"
        for of, part in parts.items()
        for value in SIZES
    )


def make(kind: type[W], *arguments: Any, classes: Iterable[str] = (), **options: Any) -> W:
    """Make a widget with these CSS classes; all share a layout and a style, unless `options` gives others."""
    looks: dict[str, Any] = {"layout": shared(widgets.Layout), "_dom_classes": tuple(classes)}
    if hasattr(kind, "style"):
        looks["style"] = shared(kind.style.klass)
    return kind(*arguments, **{**looks, **options})


def switch(widget: widgets.DOMWidget, name: str, is_on: bool) -> None:
    """Add a CSS class to a widget, or remove it."""
    (widget.add_class if is_on else widget.remove_class)(name)


class _Box(widgets.Box):
    def __init__(self, children: Iterable[widgets.Widget] = (), classes: Iterable[str] = ()) -> None:
        super().__init__(children, layout=shared(widgets.Layout), _dom_classes=tuple(classes))


class ColumnBox(_Box, widgets.VBox):
    """Widgets below each other."""


class RowBox(_Box, widgets.HBox):
    """Widgets side by side."""


class ShownBox(ColumnBox):
    """Output of a cell, such as a panel; it shares nothing with the outputs made before it.

    A page that could not load that after a reload knows none of it, and shows what a cell makes anew all the same.
    """

    def __new__(cls, *arguments: Any, **options: Any) -> ShownBox:
        """Forget the layouts and styles made so far."""
        _made.clear()
        return super().__new__(cls, *arguments, **options)
