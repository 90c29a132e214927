"""The messages with which the panels make themselves on the page."""

from collections import Counter

import comm
from ipywidgets import DOMWidget, Widget

import lab

BEFORE = 2636  # messages of all panels when each widget had a layout and a style of its own


def looks(widget):
    """Yield the layouts and styles of a widget and of those in it."""
    if isinstance(widget, DOMWidget):
        yield widget.layout
        yield from [widget.style] if isinstance(getattr(widget, "style", None), Widget) else []
    for child in getattr(widget, "children", ()):
        yield from looks(child)


def as_values(look):
    return type(look), str(sorted(look.get_state().items(), key=str))


def test_panels_share_equal_layouts_and_styles_and_half_of_the_messages_are_enough(monkeypatch):
    sent = []
    monkeypatch.setattr(comm.DummyComm, "publish_msg", lambda *message, **options: sent.append(message))
    panels = [getattr(lab, name)() for name in lab.PANELS]
    assert len(sent) <= BEFORE / 2
    for panel in panels:
        different = Counter(as_values(look) for look in set(looks(panel)))
        assert [look for look, times in different.items() if times > 1] == []


def test_a_panel_that_is_made_again_needs_nothing_of_the_first():
    first, again = (set(looks(kind())) for kind in (lab.PlayPanel, lab.PlayPanel))
    assert first.isdisjoint(again)
