"""Fixtures of the data sets' tests."""

from collections.abc import Iterator

import pytest
from datasets.server import Server, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    with serving(server, monkeypatch):
        yield server
        server.release.set()
