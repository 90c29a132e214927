"""Let the benchmarks import the modules beside them, whatever the import mode; print the tables of docs/speed.md."""

import sys
from pathlib import Path

import pytest

from lxmls_rnn.device.processor import pinned

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def one_processor(request):
    """Pin this process: XLA would use every processor for the models in JAX, and the others have one thread."""
    if request.config.getoption("benchmark_disable"):  # nothing is timed
        yield
        return
    with pinned(1):
        yield


def pytest_collection_modifyitems(config, items):
    """Try float32 alone where nothing is timed: that float64 agrees, other tests say."""
    if config.getoption("benchmark_disable"):
        here = [item for item in items if item.path.parent == Path(__file__).parent and hasattr(item, "callspec")]
        twice = [item for item in here if item.callspec.params.get("dtype") == "float64"]
        config.hook.pytest_deselected(items=twice)
        items[:] = [item for item in items if item not in twice]


@pytest.fixture
def some(request):
    """Give the sentences of an epoch: all, or a few where nothing is timed."""
    return lambda sentences: sentences[:100] if request.config.getoption("benchmark_disable") else sentences


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    """Print the medians of this run as docs/speed.md has them."""
    from tables import tables

    session = getattr(config, "_benchmarksession", None)
    # what was only tried, with --benchmark-disable, has no times
    timed = [b for b in session.benchmarks if b.stats.data and "model" in b.extra_info] if session else []
    for line in tables([(b.extra_info, b.stats.median) for b in timed]):
        terminalreporter.write_line(line)
