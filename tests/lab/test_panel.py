"""What all panels share: the guard that shows what goes wrong."""

import threading
import warnings

import pytest

from lab.panel import Panel

PATIENCE = 30  # seconds until a test gives up


def test_every_warning_inside_a_guard_is_shown_once():
    panel = Panel()
    with panel.guard():
        for text in ("no word is unknown", "tag 'X' is not in the map", "no word is unknown"):
            warnings.warn(text, stacklevel=1)
    assert "Warning: no word is unknown; tag &#x27;X&#x27; is not in the map<" in panel.message.value


def test_guards_of_two_threads_that_overlap_leave_the_warnings_of_the_process_as_they_were():
    panel, entered, leave = Panel(), threading.Event(), threading.Event()

    def work():
        with panel.guard():
            entered.set()
            leave.wait(PATIENCE)

    before = warnings.filters, warnings.showwarning
    thread = threading.Thread(target=work)
    with panel.guard():
        thread.start()
        assert entered.wait(PATIENCE)
    leave.set()
    thread.join(PATIENCE)
    assert (warnings.filters, warnings.showwarning) == before


def test_what_goes_wrong_in_another_thread_is_shown():
    panel = Panel()

    def work():
        with panel.guard():
            raise ValueError("rate must be greater than 0, got -1")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)
    assert "rate must be greater than 0, got -1" in panel.message.value


def test_a_panel_of_a_newer_checkout_is_told_what_to_do():
    with pytest.raises(ImportError, match=r"lab has no HarpPanel, only BenchmarkPanel, .*docker compose up --build"):
        from lab import HarpPanel  # noqa: F401
