"""Messages from the kernel to the page: none is lost."""

from collections.abc import Iterator
from typing import Any

import zmq
from IPython import get_ipython
from IPython.core.interactiveshell import InteractiveShell


def keep_all(shell: InteractiveShell | None = None) -> None:
    """Let the kernel of `shell`, by default this one, wait while its server is behind, instead of dropping messages.

    ZeroMQ's default is to drop all messages but the first 1,000 that wait. A cell whose end is dropped runs forever on
    the page.
    """
    kernel = getattr(shell or get_ipython(), "kernel", None)
    if thread := getattr(kernel, "iopub_thread", None):  # which alone may use the socket
        thread.schedule(lambda: thread.socket.setsockopt(zmq.XPUB_NODROP, 1))


load_ipython_extension = keep_all  # lab/jupyter/jupyter_config.py names this module for every kernel of the lab


class _Copied(dict[str, Any]):
    """A dict of widgets or comms, of which loops see a copy, without closed widgets."""

    def items(self) -> list[tuple[str, Any]]:  # type: ignore[override]
        return list(super().items())

    def values(self) -> Iterator[Any]:  # type: ignore[override]
        return (widget for widget in list(super().values()) if widget.comm is not None)


def allow_threads() -> None:
    """Let threads make and close widgets while the kernel lists them for a page, which would fail otherwise."""
    import comm
    from ipywidgets.widgets import widget

    widget._instances = _Copied(widget._instances)
    comm.get_comm_manager().comms = _Copied(comm.get_comm_manager().comms)
