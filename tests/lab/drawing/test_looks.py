import ipywidgets as widgets

from lab.drawing.looks import arrange, make


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
