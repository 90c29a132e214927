"""The command `lxmls-rnn`, also `python -m lxmls_rnn`.

Ctrl-C, SIGTERM and SIGHUP end it without a traceback, also during imports. The exit status is then 128 plus the number
of the signal, as in shells, so that a command after `&&` is not run.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from types import CodeType, FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_working = False  # whether a command runs, which must clean up before the process ends


def _end(number: int, frame: FrameType | None) -> None:
    if not _working:
        os._exit(128 + number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def _send_again(lost: UnraisableHookArgs) -> None:
    """Send a signal again whose exception Python has caught, as in a callback of a weak reference during imports."""
    if lost.exc_type is KeyboardInterrupt:
        number = signal.SIGINT
        if signal.getsignal(number) is signal.SIG_IGN:  # as `interrupt_now` wants it after its exception
            from lxmls_rnn.cli.console import interrupt_now

            signal.signal(number, interrupt_now)
    elif lost.exc_type is SystemExit and signal.getsignal(signal.SIGTERM) is _end:
        number = signal.SIGTERM
    else:
        sys.__unraisablehook__(lost)
        return
    main = threading.main_thread().ident or 0

    def send() -> None:
        while _is_running(_send_again.__code__, sys._current_frames().get(main)):  # an exception here would be lost
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    _thread.start_new_thread(send, ())  # which waits for nothing


def _is_running(code: CodeType, frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False


for _number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
    if signal.getsignal(_number) is not signal.SIG_IGN:
        signal.signal(_number, _end)


def main() -> None:
    """Run the command line."""
    global _working
    try:
        from lxmls_rnn.cli import app
    except RuntimeError as error:  # an unusable Theano
        sys.exit(f"Error: {error}")

    try:
        try:
            _working = True
            sys.unraisablehook = _send_again
            app()
        finally:
            _working = False
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends anyway, with its own status
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
