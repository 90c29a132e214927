"""TLS connections whose errors stay their own; a preload for Dask's scheduler, workers and nannies.

With later releases of Python 3.12 and 3.13, the error of a connection that the other end has closed can stay in the
thread's queue of OpenSSL, and the next connection that is read there is closed for it: a worker that closes one breaks
those of other workers and of clients (https://github.com/python/cpython/issues/148594).
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
    except ssl.SSLError:  # with it the queue is cleared
        raise
    except OSError:
        with suppress(ssl.SSLError):
            _NOTHING.set_ciphers("none")  # an error of another kind: the queue is cleared
        raise


class Socket(ssl.SSLSocket):
    """As its base, but no error of it is left to another connection."""

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read, as the base does."""
        with _own_error():
            return super().read(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        """Send, as the base does."""
        with _own_error():
            return super().send(*args, **kwargs)

    def do_handshake(self, *args: Any, **kwargs: Any) -> None:
        """Shake hands, as the base does."""
        with _own_error():
            super().do_handshake(*args, **kwargs)


ssl.SSLContext.sslsocket_class = Socket
