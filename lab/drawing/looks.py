"""Layouts and styles of widgets, which the widgets of a panel share if they are equal.

Each is an object in the page that a message makes. ipywidgets makes new ones for each widget, most messages of a panel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import ipywidgets as widgets

EMPTY: Mapping[str, Any] = MappingProxyType({})
W = TypeVar("W", bound=widgets.Widget)
_made: dict[tuple[type[widgets.Widget], frozenset[tuple[str, Any]]], widgets.Widget] = {}


def shared(kind: type[widgets.Widget], values: Mapping[str, Any]) -> widgets.Widget:
    """Return the layout, style or scale with these values, which nobody changes; None is the default."""
    given = {name: value for name, value in values.items() if value is not None}
    key = kind, frozenset(given.items())
    if key not in _made or _made[key].comm is None:  # closed, as all widgets by `Widget.close_all`
        _made[key] = kind(**given)
    return _made[key]


def _look(kind: type[W], layout: Mapping[str, Any], style: Mapping[str, Any], classes: Iterable[str]) -> dict[str, Any]:
    """Return options of a widget of this kind: `layout` and `style`, which it shares, and CSS classes."""
    styles = {"style": shared(kind.style.klass, style)} if hasattr(kind, "style") else {}
    return {"layout": shared(widgets.Layout, layout), **styles, "_dom_classes": tuple(classes)}


def make(
    kind: type[W],
    *arguments: Any,
    layout: Mapping[str, Any] = EMPTY,
    style: Mapping[str, Any] = EMPTY,
    classes: Iterable[str] = (),
    **options: Any,
) -> W:
    """Make a widget."""
    return kind(*arguments, **_look(kind, layout, style, classes), **options)


def arrange(widget: widgets.Widget, **changes: str | None) -> None:
    """Change values of the layout of a widget, of this one alone; None removes a value."""
    now = {name: getattr(widget.layout, name) for name in widget.layout.keys if not name.startswith("_")}
    widget.layout = shared(widgets.Layout, {**now, **changes})


class _Box(widgets.Box):
    def __init__(
        self,
        children: Iterable[widgets.Widget] = (),
        layout: Mapping[str, Any] = EMPTY,
        classes: Iterable[str] = (),
    ) -> None:
        super().__init__(children, **_look(type(self), layout, EMPTY, classes))


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
