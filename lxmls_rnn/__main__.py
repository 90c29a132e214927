"""The command `lxmls-rnn`, also `python -m lxmls_rnn`.

Ctrl-C, SIGTERM and SIGHUP end it without a traceback, also during imports. The exit status is then 128 plus the number
of the signal, as in shells, so that a command after `&&` is not run. A signal is lost where Python ignores exceptions,
as in a callback of a weak reference: the user sends it again.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_working = False  # whether a command runs, which must clean up before the process ends


def _end(number: int, frame: FrameType | None) -> None:
    if not _working:
        os._exit(128 + number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


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
            app()
        finally:
            _working = False
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends anyway, with its own status
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
