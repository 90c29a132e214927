import ipywidgets as widgets
import pytest

from lab.drawing.looks import make, size_class, style_sheet
from lab.widgets.panel import Page


def test_each_size_has_a_rule_in_the_page_and_others_are_refused():
    for of, part in (("width", ""), ("label", ">.widget-label"), ("buttons", " .widget-toggle-button")):
        name = size_class(of, "22em")
        assert f".lab-panel .{name}.{name}{part}{{width:22em}}" in style_sheet()
    with pytest.raises(ValueError, match=r"width '20\.3em': expected auto, or 2em to 50em"):
        size_class("width", "20.3em")
    assert style_sheet() in Page._css


def test_a_closed_layout_is_made_again():
    closed = make(widgets.HTML).layout
    closed.close()
    assert make(widgets.HTML).layout.comm is not None
