"""The base of all panels: the guard that shows errors, and work in the background."""

import threading
import warnings

import pytest

from lab.widgets.controls import is_hidden, progress_bar
from lab.widgets.panel import SAVE_TOOLTIPS, Panel, PanelJob


def test_every_panel_ends_with_a_button_for_each_kind_of_file():
    panel = Panel()
    for kind in SAVE_TOOLTIPS:
        assert f'data-kind="{kind}"' in panel.children[-1].value


def test_the_warnings_of_a_thread_are_shown_once_in_its_guard():
    panel, other = Panel(), Panel()
    begun, go_on = threading.Event(), threading.Event()

    def work():
        with other.guard():
            begun.set()
            go_on.wait()
            warnings.warn("from the other thread", stacklevel=1)

    thread = threading.Thread(target=work)
    with panel.guard():
        thread.start()
        begun.wait()
        for text in ("no word is unknown", "tag 'X' is not in the map", "no word is unknown"):
            warnings.warn(text, stacklevel=1)
        go_on.set()
        thread.join()
    assert ">Warning: no word is unknown; tag &#x27;X&#x27; is not in the map.<" in panel.message.value
    assert ">Warning: from the other thread.<" in other.message.value


def test_what_no_guard_is_for_goes_where_python_shows_it():
    panel = Panel()
    with panel.guard(), pytest.warns(RuntimeWarning, match="overflow"):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    with pytest.warns(UserWarning, match="outside"):
        warnings.warn("outside", UserWarning, stacklevel=1)
    assert panel.message.value == ""


def test_a_click_that_comes_after_its_button_was_disabled_is_ignored():
    panel, pressed = Panel(), []
    button = panel.button("Start", "Start it", lambda: pressed.append(1))
    button.click()
    button.disabled = True
    button.click()
    assert len(pressed) == 1


def test_a_press_in_the_page_waits_for_the_text_typed_before_it_and_one_in_a_cell_does_not():
    panel, pressed = Panel(), []
    sent, press = [], {"event": "click"}
    panel._page.send = sent.append
    button = panel.button("Start", "Start it", lambda: pressed.append(1))
    button._handle_custom_msg(press, [])
    assert len(pressed) == 1  # no page has loaded the panel's own code
    panel._page._handle_custom_msg(None, [])
    button._handle_custom_msg(press, [])
    button._handle_custom_msg(press, [])
    assert (len(pressed), sent) == (1, [0, 1])
    panel._page._handle_custom_msg(0, [])
    assert len(pressed) == 2
    button.click()
    assert len(pressed) == 3
    panel._page._handle_custom_msg(None, [])  # the page was loaded again before it heard the second number
    assert len(pressed) == 4
    panel._page._handle_custom_msg(1, [])
    assert len(pressed) == 4


class Counting(Panel):
    """Counts 1, waits for `go_on`, and counts 2."""

    def __init__(self):
        super().__init__()
        buttons = self.button("Start", "", self.start), self.button("Stop", "", lambda: self.work.stop())
        self.widgets = self.start_button, self.stop_button, self.bar = *buttons, progress_bar("9em")
        self.work = PanelJob(self, *self.widgets)

    def start(self):
        self.begun, self.go_on = begun, go_on = threading.Event(), threading.Event()

        def work():
            yield 1
            begun.set()
            go_on.wait()
            yield 2

        self.work.begin(work, lambda: f"{self.work.events} counted")

    def click(self):
        """Start and return once 1 is counted."""
        self.start_button.click()
        self.begun.wait()
        return self.work.job

    @property
    def is_working(self):
        """Whether buttons and bar all say so; None if they differ."""
        state = {self.start_button.disabled, not self.stop_button.disabled, not is_hidden(self.bar)}
        return state.pop() if len(state) == 1 else None


@pytest.fixture
def counting():
    panel = Counting()
    yield panel
    panel.go_on.set()


@pytest.mark.parametrize("state", ["done", "stopped"])
def test_buttons_and_bar_follow_the_work_and_its_end_is_shown(counting, state):
    assert counting.is_working is False
    job = counting.click()
    assert counting.is_working is True
    if state == "stopped":
        counting.stop_button.click()
    counting.go_on.set()
    job.wait()
    assert (job.state, counting.is_working) == (state, False)
    assert "[1, 2] counted" in counting.message.value


def test_an_error_in_the_work_is_shown_instead_of_its_end():
    def broken():
        yield 1
        raise TypeError("no compiler")

    panel = Panel()
    work = PanelJob(panel, start := panel.button("Start", "", lambda: None))
    work.begin(broken, lambda: "Done.")
    work.job.wait()
    assert "no compiler" in panel.message.value
    assert "Traceback" in panel.message.value
    assert not start.disabled


def test_work_that_is_given_up_ends_at_once_and_does_not_disturb_the_next(counting):
    old, go_on = counting.click(), counting.go_on
    counting.work.give_up()
    assert counting.is_working is False
    assert "Stopped." in counting.message.value
    job = counting.click()
    go_on.set()
    old.wait()
    assert (counting.work.events, counting.is_working) == ([1], True)
    assert "counted" not in counting.message.value
    counting.go_on.set()
    job.wait()
    assert "[1, 2] counted" in counting.message.value
