"""Base class of all panels: help, message line, equivalent Python code; and their work in the background."""

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets

from lab.drawing.html import linked
from lab.drawing.looks import HIDDEN, RowBox, ShownBox, make, shared, style_sheet
from lab.runtime import out_of_memory, python_warnings
from lab.runtime.job import Job
from lab.widgets.controls import EVENT_LOCK, button, on_change, show, unfolding, view
from lxmls_rnn.storage.messages import USER_ERRORS, in_words

SAVE_TOOLTIPS = {
    "png": "Save the pictures of this panel as an image, twice as large",
    "svg": "Save the pictures of this panel as a drawing, for papers and slides",
    "csv": "Save the tables of this panel for a spreadsheet",
}
DOUBLE_CLICK_SECONDS = 0.5  # seconds
OUTPUT_WIDGETS = widgets.HTML, widgets.Label, widgets.FloatProgress, widgets.ToggleButton  # their value is not an input


class Page(anywidget.AnyWidget):
    """The panels' own code in the page: their style, keys, tooltips and saved files."""

    _esm = Path(__file__).with_name("panels.js").read_text(encoding="utf-8")
    _css = Path(__file__).with_name("panels.css").read_text(encoding="utf-8") + style_sheet()

    def __init__(self) -> None:
        super().__init__(layout=shared(widgets.Layout), _dom_classes=(HIDDEN,))
        self._waiting: dict[int, Callable[[], object]] = {}  # actions, by the number that the page sends back
        self._is_there = False  # a page has loaded `panels.js`
        self._numbers = count()
        self.on_msg(self._heard)

    def after_texts(self, action: Callable[[], object]) -> None:
        """Call `action` when the page has sent all text that was typed before; at once if no page has loaded the panel.

        ipywidgets sends no second text of a field before the kernel has handled the first, so a press overtakes it. The
        page returns this number after it has heard that the first is handled, hence after it has sent the second.
        """
        if not self._is_there:
            action()
            return
        self._waiting[number := next(self._numbers)] = action
        self.send(number)

    def _heard(self, _: object, number: int | None, __: object) -> None:
        """Call the actions up to this number; all of them for None, which a page sends when it loads the panel."""
        self._is_there = True
        for action in [self._waiting.pop(n) for n in [*self._waiting] if number is None or n <= number]:
            action()


class Quiet:
    """Base class of widgets that change their own controls."""

    quiet = False  # whether changes of controls have no effect

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Return a context in which `quiet` is true, because the panel itself changes its controls."""
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before


class Panel(ShownBox, Quiet):
    """Base class of panels: controls, results, and equivalent Python code.

    A subclass sets `title` and `help` (HTML), makes its widgets, calls ``super().__init__(*its_widgets)`` (top to
    bottom), and defines `code`. Each change of a control refreshes the code. `message.value` is the HTML of the message
    line, which shows the last result or error.
    """

    title = ""
    help = ""

    def __init__(self, *body: widgets.Widget) -> None:
        self.message = view("message")
        self._code_view = view()
        self._code_button = unfolding(self._code_view, "Show code", "Python code that does the same")
        top = RowBox([view("heading"), self._code_button])
        top.children[0].value = (
            f'<h3 class="lab-title">{escape(self.title)}</h3><details><summary title="How to use this panel">Help'
            f'</summary><div class="lab-help">{self.help}</div></details>'
        )
        self._page = Page()
        parts = [self._page, top, self._code_view, self.message, *body, save_buttons()]
        super().__init__(parts, classes=("lab-panel", f"lab-{type(self).__name__}"))
        on_change(self.refresh_code, self._code_button, *controls(*body))
        if noticed := out_of_memory.notice():
            self.show_error(RuntimeError(noticed))

    def code(self) -> str:
        """Return Python code equivalent to the current settings; ValueError if a setting is invalid."""
        raise NotImplementedError

    def refresh_code(self) -> None:
        """Refresh the code view, if it is visible."""
        if not self._code_button.value:
            return
        try:
            text = self.code()
        except USER_ERRORS as error:
            text = f"# {in_words(error)}"
        self._code_view.value = (
            '<div class="lab-code"><button type="button">Copy</button>'
            f'<pre tabindex="0" aria-label="Python code">{escape(text)}</pre></div>'
        )

    def show_message(self, text: str) -> None:
        """Show a message in the message line."""
        self.message.value = f'<div role="status">{linked(text)}</div>'

    def show_error(self, error: BaseException) -> None:
        """Show an error in the message line."""
        text, details = in_words(error), ""
        if not isinstance(error, USER_ERRORS):
            trace = "".join(traceback.format_exception(error))
            text = f"{type(error).__name__}: {text}"
            details = f"<details><summary>Traceback</summary><pre>{escape(trace)}</pre></details>"
        self.message.value = f'<div role="alert" class="lab-error">{linked(text)}</div>{details}'

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Show exceptions and warnings of the context in the message line; raise nothing."""
        try:
            with python_warnings.collected(UserWarning) as texts:
                yield
            if texts:
                self.show_message(python_warnings.sentence(texts))
        except Exception as error:
            self.show_error(error)

    def attempt(self, action: Callable[[], None]) -> bool:
        """Call `action` with the lock held and show its errors; return whether it succeeded."""
        with EVENT_LOCK, self.guard():
            self.message.value = ""
            action()
            return True
        return False

    def on_input(self, action: Callable[[], None], *controls: widgets.Widget) -> None:
        """Call `action` and show its errors when the user changes one of the controls."""
        on_change(lambda: self.quiet or self.attempt(action), *controls)

    def button(
        self, name: str, tooltip: str, action: Callable[[], None], *style: Any, single: bool = False, **options: Any
    ) -> widgets.Button:
        """Make a button that calls `action` when pressed and shows its errors.

        If `single`, a double click calls `action` once. A click that arrives after the button was disabled is ignored.
        """
        made, done = button(name, tooltip, *style, **options), -math.inf

        def pressed(_: object) -> None:
            nonlocal done
            with EVENT_LOCK:
                again = single and time.monotonic() - done < DOUBLE_CLICK_SECONDS
                if not again and not made.disabled and self.attempt(action):
                    done = time.monotonic()

        made.on_click(pressed)
        made.on_msg(made._handle_button_msg, remove=True)  # the page's press, which `click` is not
        made.on_msg(lambda *_: self._page.after_texts(made.click))
        return made


class PanelJob:
    """The job of a panel, one at a time; the panel shows its errors.

    While it is active, the button `start` is disabled, the button `stop` is enabled, and `bar` is visible.

    Attributes
    ----------
    job
        The current or last job; None before the first one and after `give_up`.
    events
        The events of this job so far.
    """

    def __init__(
        self,
        panel: Panel,
        start: widgets.Button | None = None,
        stop: widgets.Button | None = None,
        bar: widgets.FloatProgress | None = None,
    ) -> None:
        self._panel, self._start_button, self._stop_button, self._bar = panel, start, stop, bar
        self.job: Job | None = None
        self.events: list[Any] = []
        self._show_state()

    @property
    def active(self) -> bool:
        """Whether the job is active."""
        return self.job is not None and self.job.active

    @property
    def seconds(self) -> float:
        """Working time of the job in seconds."""
        return 0.0 if self.job is None else self.job.seconds

    def begin(
        self,
        make_events: Callable[[], Iterable[Any]],
        on_end: Callable[[], str | None],
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        """Start a new job; what the one before still does is ignored.

        Parameters
        ----------
        make_events
            Returns the events, called in the thread.
        on_end
            Called after the job ends or is stopped; the panel shows the message that it returns. If the job fails, its
            error is shown instead.
        on_progress
            Called at the start of the job, repeatedly while it runs, and at its end before `on_end`.
        """

        def show_progress() -> None:
            self._show_state()
            on_progress()

        def changed() -> None:
            with EVENT_LOCK, self._panel.guard():
                if self.job is not job:
                    return
                show_progress()
                if job.error is not None:
                    raise job.error
                if not job.active and (message := on_end()):
                    self._panel.show_message(message)

        self.events = []
        self.job = job = Job(make_events, self.events.append)
        job.listeners.add(changed)
        job.start()
        with EVENT_LOCK, self._panel.guard():
            show_progress()

    def stop(self) -> None:
        """Stop the job after its current event, if there is one."""
        if self.job is not None:
            self.job.stop()

    def give_up(self) -> None:
        """Stop the job without waiting for it: what its thread still does is ignored."""
        self.stop()
        self.job = None
        self._show_state()
        self._panel.show_message("Stopped.")

    def _show_state(self) -> None:
        if self._start_button:
            self._start_button.disabled = self.active
        if self._stop_button:
            self._stop_button.disabled = not self.active
        if self._bar:
            show(self._bar, self.active)


def save_buttons() -> widgets.HTML:
    """Make the buttons that save the pictures and tables of a panel as files."""
    buttons = (
        f'<button type="button" title="{tooltip}" data-kind="{kind}">{kind.upper()}</button> '
        for kind, tooltip in SAVE_TOOLTIPS.items()
    )
    return make(widgets.HTML, f'<div class="lab-save">Save {"".join(buttons)}<span role="status"></span></div>')


def controls(*roots: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield the input widgets among `roots` and their descendants; toggle buttons do not count as inputs."""
    for widget in roots:
        if hasattr(widget, "children"):
            yield from controls(*widget.children)
        elif widget.has_trait("value") and not isinstance(widget, OUTPUT_WIDGETS):
            yield widget
