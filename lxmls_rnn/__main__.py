"""The command `lxmls-rnn`, also `python -m lxmls_rnn`.

Ctrl-C and SIGTERM end it without a traceback, also during imports. The exit status is then 128 plus the signal's
number, as in shells, so that a command after `&&` is not run.
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


for _number in (signal.SIGINT, signal.SIGTERM):
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
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
