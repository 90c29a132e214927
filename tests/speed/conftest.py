"""Let the benchmarks import the modules beside them, whatever the import mode; print the tables of docs/speed.md."""

import sys
from pathlib import Path

import pytest

from lxmls_rnn.device.processor import pinned

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def one_processor():
    """Pin this process: XLA would use every processor for the models in JAX, and the others have one thread."""
    with pinned(1):
        yield


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    """Print the medians of this run as docs/speed.md has them."""
    from tables import tables

    session = getattr(config, "_benchmarksession", None)
    measured = [b for b in session.benchmarks if "model" in b.extra_info] if session else []
    for line in tables([(b.extra_info, b.stats.median) for b in measured]):
        terminalreporter.write_line(line)
