"""Workaround for a TLS error that closes other connections; a preload for Dask's scheduler, workers and nannies.

In later releases of Python 3.12 and 3.13, the error of a connection that the other end closed can stay in OpenSSL's
error queue of the thread. The next connection that is read in this thread is then closed too: a worker that closes its
connection breaks those of other workers and clients (https://github.com/python/cpython/issues/148594).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_NOTHING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def _own_error() -> Iterator[None]:
    try:
        yield
    except ssl.SSLError:  # raising it clears the queue
        raise
    except OSError:
        with suppress(ssl.SSLError):
            _NOTHING.set_ciphers("none")  # raises an SSLError, which clears the queue
        raise


class Socket(ssl.SSLSocket):
    """An SSLSocket that leaves no error in the queue for other connections."""

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read as SSLSocket does."""
        with _own_error():
            return super().read(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        """Send as SSLSocket does."""
        with _own_error():
            return super().send(*args, **kwargs)

    def do_handshake(self, *args: Any, **kwargs: Any) -> None:
        """Do the handshake as SSLSocket does."""
        with _own_error():
            super().do_handshake(*args, **kwargs)


ssl.SSLContext.sslsocket_class = Socket
