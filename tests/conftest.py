"""Reports, fixtures and the number of random examples of all tests."""

import functools
import gc
import os
import signal
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure import machine
from lxmls_rnn.deep_learning.models import MODELS, model_class
from lxmls_rnn.device import libraries, processor

QUICK = "not daily and not nightly"  # what `make test` selects

# The lab's container names the certificate of `make cluster`, which is missing until then; tests make their own.
for name in [name for name in os.environ if name.startswith("DASK_DISTRIBUTED__COMM__TLS__")]:
    del os.environ[name]
os.environ |= {
    "LXMLS_WORK": "work",
    "LXMLS_RUNS": "runs",
    "LXMLS_RESULTS": "results",
}  # of a test's own folder, not of the checkout
os.environ.pop("LXMLS_ADVICE", None)  # the remedies in the lab's container are not those that tests expect
# what a user wants of a terminal changes what commands print
for name in ["COLUMNS", "LINES", "FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"]:
    os.environ.pop(name, None)

# with CI set, Hypothesis would try the same examples each time
unhurried = {"deadline": None, "derandomize": False, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("unhurried", max_examples=20, **unhurried)
hypothesis.settings.load_profile("unhurried")

_told = []


def pytest_collection_modifyitems(items):
    """Begin with the tests that share compiled models, so that mostly one process compiles them."""
    for item in items:
        for mark in item.iter_markers():
            if mark.name in ("daily", "nightly") and not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: its mark gives no reason: @pytest.mark.{mark.name}('...')")
        for value in item.callspec.params.values() if hasattr(item, "callspec") else ():
            model = MODELS.get(value) if isinstance(value, str) else None
            if model and model.framework.missing and "without" not in item.fixturenames:
                item.add_marker(pytest.mark.skip(reason=model.framework.missing))
    items.sort(key=lambda item: "scan_of" not in item.fixturenames)


def pytest_collection_finish():
    """Let no garbage collection go through what the imports have made, which takes a third of a second each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report):
    if report.when == "call":
        _told.extend(value for name, value in report.user_properties if name == "told")


def pytest_terminal_summary(terminalreporter, config):
    """Say what tests have told, and what `make test` does not run."""
    for line in _told:
        terminalreporter.write_line(line)
    if config.option.markexpr == QUICK:
        why = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.getreports("skipped"))
        missing = sum(why.pop(reason) for reason in list(why) if "is not installed: `make setup WITH=" in reason)
        for reason, tests in why.most_common():
            terminalreporter.write_line(f"Skipped {tests}: {reason}")
        terminalreporter.write_line("Not run: tests marked daily: make test-daily; nightly: make test-nightly")
        terminalreporter.write_line(f"Not run: {missing} tests that need PyTorch: make test-frameworks")
        terminalreporter.write_line("Not run: tests/browser: make test-browser; tests/container: make test-container")


@pytest.fixture(scope="session", autouse=True)
def signals():
    """Let these tests and the commands that they start receive what a shell in the background and nohup ignore."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture
def tell(record_property):
    """Give a function that keeps a line for the end of the report."""
    return lambda line: record_property("told", line)


@pytest.fixture(scope="session")
def scan_of():
    """Give the scan model with the numbers of another, to be used before the next is asked for.

    One model, compiled once, serves all sizes of an activation: of a sentence's graph only n_hidd is a part.
    """

    @functools.cache
    def compiled(name, n_hidd, **options):
        return model_class(name)(7, 3, n_hidd, 4, **options)

    def give(model):
        name = type(model).__name__.removeprefix("Numpy").removeprefix("Fast")
        scan = compiled(name, model.sizes.n_hidd, **model.options)
        scan.sizes = model.sizes
        scan.set_values(model.get_values())
        return scan

    return give


@pytest.fixture
def linux(tmp_path, monkeypatch):
    """Write files such as /proc/cpuinfo, the only ones that are then found where machine and driver are looked at."""
    for module in (machine, libraries, processor):
        monkeypatch.setattr(module, "Path", lambda path: tmp_path / path.lstrip("/"))

    def write(path, text):
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


@pytest.fixture
def axes_of(monkeypatch, tmp_path):
    """Give the axes that the function `draw` of a module draws on; nothing is written."""
    from lxmls_rnn.plotting import picture  # imports Matplotlib

    monkeypatch.setattr(picture, "write_output", lambda path, write: None)

    def of(module, *arguments):
        drawn = []

        @contextmanager
        def watched(*args, **options):
            with picture.picture(*args, **options) as axes:
                yield axes
            drawn.append(axes)

        monkeypatch.setattr(module, "picture", watched)
        module.draw(*arguments, tmp_path / "drawn.png")
        return drawn[0]

    return of


@pytest.fixture(scope="session")
def ewt_dir():
    """The folder with en_ewt-ud-dev.conllu and en_ewt-ud-test.conllu of the English Web Treebank."""
    folder = Path(os.environ.get("LXMLS_EWT_DIR") or paths.data() / "ewt")
    if not (folder / "en_ewt-ud-dev.conllu").is_file():
        pytest.skip(f"no en_ewt-ud-dev.conllu in {folder}: `lxmls-rnn fetch ewt`, or set LXMLS_EWT_DIR")
    return folder
