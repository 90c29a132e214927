"""Workaround for a TLS error that closes other connections; a preload for Dask's scheduler, workers and nannies.

In later releases of Python 3.12 and 3.13, the error of a connection that the other end closed can stay in OpenSSL's
error queue of the thread. The next connection that is read in this thread is then closed too: a worker that closes its
connection breaks those of other workers and clients (https://github.com/python/cpython/issues/148594).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

_NOTHING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _clearing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method of an SSL socket, changed so that an error of it leaves OpenSSL's error queue empty."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except ssl.SSLError:  # raising it clears the queue
            raise
        except OSError:
            with suppress(ssl.SSLError):
                _NOTHING.set_ciphers("none")  # raises an SSLError, which clears the queue
            raise

    return call


class Socket(ssl.SSLSocket):
    """An SSLSocket that leaves no error in the queue for other connections."""

    read = _clearing(ssl.SSLSocket.read)
    send = _clearing(ssl.SSLSocket.send)
    do_handshake = _clearing(ssl.SSLSocket.do_handshake)


ssl.SSLContext.sslsocket_class = Socket
