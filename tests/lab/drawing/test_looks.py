import ipywidgets as widgets

from lab.drawing.looks import ColumnBox, RowBox, arrange, make


def test_equal_layouts_and_styles_are_one_and_others_are_not():
    one, same = (make(widgets.HTML, text, layout={"width": "3em"}, classes=["lab-a"]) for text in "ab")
    other = make(widgets.HTML, "c", layout={"width": "4em"})
    assert one.layout is same.layout
    assert one.style is other.style
    assert one.layout is not other.layout
    assert (one.value, one.layout.width, other.layout.width, one._dom_classes) == ("a", "3em", "4em", ("lab-a",))
    assert ColumnBox([one]).layout is RowBox([one]).layout


def test_a_change_of_a_layout_affects_one_widget():
    one, same = (make(widgets.HTML, layout={"width": "3em"}) for _ in range(2))
    arrange(one, display="none")
    assert (one.layout.width, one.layout.display, same.layout.display) == ("3em", "none", None)
    arrange(one, display=None)
    assert one.layout is same.layout


def test_a_closed_layout_is_made_again():
    closed = make(widgets.HTML, layout={"width": "3em"}).layout
    closed.close()
    assert make(widgets.HTML, layout={"width": "3em"}).layout.comm is not None
