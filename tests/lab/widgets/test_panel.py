"""What all panels share: the guard that shows what goes wrong."""

import threading
import warnings

import pytest

from lab.widgets.panel import SAVE_TOOLTIPS, Panel

PATIENCE = 30  # seconds until a test gives up


def test_every_panel_ends_with_a_button_for_each_kind_of_file():
    panel = Panel()
    for kind in SAVE_TOOLTIPS:
        assert f"labSave(this, '{kind}')" in panel.children[-1].value
    assert "window.labSave" in panel.children[0].value


def test_every_warning_inside_a_guard_is_shown_once():
    panel = Panel()
    with panel.guard():
        for text in ("no word is unknown", "tag 'X' is not in the map", "no word is unknown"):
            warnings.warn(text, stacklevel=1)
    assert "Warning: no word is unknown; tag &#x27;X&#x27; is not in the map.<" in panel.message.value


def test_a_warning_goes_to_the_guard_of_its_thread():
    panel, other = Panel(), Panel()

    def work():
        with other.guard():
            warnings.warn("from the other thread", stacklevel=1)

    thread = threading.Thread(target=work)
    with panel.guard():
        thread.start()
        thread.join(PATIENCE)
        warnings.warn("from this thread", stacklevel=1)
    assert ">Warning: from this thread.<" in panel.message.value
    assert ">Warning: from the other thread.<" in other.message.value


def test_what_no_guard_is_for_goes_where_python_shows_it():
    panel = Panel()
    with panel.guard(), pytest.warns(RuntimeWarning, match="overflow"):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    with pytest.warns(UserWarning, match="outside"):
        warnings.warn("outside", UserWarning, stacklevel=1)
    assert panel.message.value == ""


def test_what_goes_wrong_in_another_thread_is_shown():
    panel = Panel()

    def work():
        with panel.guard():
            raise ValueError("rate must be greater than 0, got -1")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)
    assert "rate must be greater than 0, got -1" in panel.message.value


def test_a_click_that_comes_after_its_button_was_disabled_is_ignored():
    panel, pressed = Panel(), []
    button = panel.button("Start", "Start it", lambda: pressed.append(1))
    button.click()
    button.disabled = True
    button.click()
    assert len(pressed) == 1
