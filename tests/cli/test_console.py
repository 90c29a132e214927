"""Printing, error messages and interruption of all commands."""

import io
import os
import signal
import sys
import warnings

import pytest

from lxmls_rnn.cli.console import SafeConsole, interruptible, plain_errors, say_stopped


def test_a_console_prints_texts_as_they_are_with_control_characters_escaped():
    file = io.StringIO()
    console = SafeConsole(file=file)
    console.print("[bold]1[/bold] :smile: \x1b[31m")
    assert file.getvalue() == "[bold]1[/bold] :smile: \\x1b[31m\n"


def test_errors_that_a_user_can_mend_are_a_sentence_and_status_1(capsys):
    for error, said in (
        (ValueError("rate must be positive"), "Error: rate must be positive\n"),
        (FileNotFoundError(2, "No such file", "a.txt"), "Error: a.txt: No such file\n"),
        (OSError(28, "No space left on device"), "Error: standard input or output: No space left on device\n"),
    ):
        with pytest.raises(SystemExit) as ended, plain_errors():
            raise error
        assert (ended.value.code, capsys.readouterr().err) == (1, said)


def test_a_mistake_of_the_program_is_not_hidden(capsys):
    with pytest.raises(AttributeError), plain_errors():
        raise AttributeError
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_had_enough_ends_it_without_a_word(capsys):
    with pytest.raises(SystemExit) as ended, plain_errors():
        raise BrokenPipeError
    assert (ended.value.code, capsys.readouterr().err) == (1, "")


def test_a_warning_is_a_sentence_and_later_ones_are_python_s_again(capsys):
    before = warnings.showwarning
    with plain_errors():
        warnings.warn("it is late\x1b", stacklevel=1)
    assert capsys.readouterr().err == "Warning: it is late\\x1b\n"
    assert warnings.showwarning is before


def test_what_the_encoding_lacks_is_escaped(monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    with plain_errors():
        for stream in streams:
            stream.write("ü")
    streams[1].flush()
    assert [stream.buffer.getvalue() for stream in streams] == [b"\\xfc", b"\\xfc"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_noted_and_a_second_ctrl_c_does_not_wait(capfd, number):
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt), interruptible("current batch") as came:  # noqa: PT012
        os.kill(os.getpid(), number)
        assert came == [number]
        said = "Stopping after the current batch (a second Ctrl-C does not wait and does not save).\n"
        assert capfd.readouterr().err == said
        os.kill(os.getpid(), signal.SIGTERM)
        assert came == [number, signal.SIGTERM]
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:  # a third one does not interrupt the cleaning up
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_under_nohup_the_end_of_the_terminal_stops_nothing(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible("current batch") as came:
            os.kill(os.getpid(), signal.SIGHUP)
        assert came == []
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_has_stopped_it_is_said_with_the_command_that_goes_on(capsys):
    for number, name in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")):
        say_stopped(number, "lxmls-rnn train --resume a" + "b" * 99)
        said = f"Stopped by {name}; continue with `lxmls-rnn train --resume a{'b' * 99}`.\n"
        assert capsys.readouterr().out == said
