"""A server of one file on this machine, which may misbehave, and a data set of that file."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lxmls_rnn.datasets import DataFile, DataSet, download, fetch

CONTENT = b"1\tThe\tthe\tDET\tDT\n" * 20_000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers each request with the next of its answers, and the last one for ever."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/corpus.conllu"
        self.answers: list[Answer] = []
        self.n_requests = 0
        self.stalls = threading.Event()
        self.release = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing when a client has gone."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        answers = self.server.answers
        answer = answers[min(self.server.n_requests, len(answers) - 1)]
        self.server.n_requests += 1
        answer(self)

    def log_message(self, *args: object) -> None:
        pass


def whole(body: bytes, sent: int | None = None) -> Answer:
    """Announce a file and send it, or so many bytes of it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:sent])

    return answer


truncated = whole(CONTENT, len(CONTENT) // 2)


def stalled(handler: Handler) -> None:
    """Send a half, then nothing until the test says so."""
    truncated(handler)
    handler.wfile.flush()
    handler.server.stalls.set()
    handler.server.release.wait()
    handler.wfile.write(CONTENT[len(CONTENT) // 2 :])


@contextmanager
def serving(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a server in a thread, to which downloads come without a proxy and without pauses."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int) -> Answer:
    return lambda handler: handler.send_error(code)


def a_dataset(url: str, **changes: object) -> DataSet:
    file = DataFile(url=url, name="corpus.conllu", size=len(CONTENT), checksums=(SHA256,))
    return DataSet("corpus", "A corpus.", "http://authors.example/page", "CC0", "", (replace(file, **changes),))


def quietly(dataset: DataSet, directory: Path, **options: object) -> list[Path]:
    defaults = {"progress": lambda received, expected: None, "notice": lambda text: None}
    return fetch(dataset, directory, **{**defaults, **options})
