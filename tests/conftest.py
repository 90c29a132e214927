"""Tiers and kinds of all tests, the time that each kind takes, the number of random examples."""

import functools
import gc
import os
import subprocess
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure import machine
from lxmls_rnn.deep_learning.rnn import MODELS, model_class
from lxmls_rnn.device import libraries, processor

# A test without one of these marks is run by `make test`; a mark says why its test is left to a later tier.
TIERS = {
    "daily": "takes too long for `make test`; run by .ci/run and `make test-daily`",
    "nightly": "repeats another on another base, size, framework, card or compiler; run by `make test-nightly`",
}
QUICK = "not daily and not nightly"  # what `make test` selects

# A test is of the kind that it is marked with, else its file, else of that of its folder's name, else a unit test.
KINDS = {
    "notebook": "runs a notebook in a kernel",
    "gpu": "GPU code: on an emulated device, through NVIDIA's compiler, or on a GPU",
    "sanitizer": "compiles C code that watches where it reads and writes",
    "faults": "kills processes, lets the disk fail, feeds nonsense to readers: docs/reliability.md",
    "process": "starts commands, scripts or workers",
    "theano": "compiles Theano functions",
    "unit": "plain Python and NumPy, in this process",
    "browser": "drives the lab in Chromium: `make test-browser`",
    "container": "builds the image and runs it: `make test-container`",
}

# `make test` runs the tests of these where git sees a change of the files, and `make test-daily` always; where CI is
# set, and both run one after the other, `make test` does it alone.
ROOT = Path(__file__).parents[1]
SELDOM_CHANGED = {
    "kernels and C code": (
        *(f"lxmls_rnn/deep_learning/{name}" for name in ("ops", "activations.py", "gpu_plans.py")),
        "lxmls_rnn/device",
        *("lxmls_rnn/theano_env/kernels.py", "packages/theano/theano_runtime/contexts.py", "docker/nvrtc_shim.c"),
        *("tests/gpu", "tests/deep_learning/test_memory.py"),
        "tests/deep_learning/*.cpp",
    ),
    "Theano's build": ("packages/theano", "lxmls_rnn/theano_env", "tests/theano_env", "uv.lock"),
}
FOLDERS = {
    ROOT / "packages/theano": "Theano's build",
    ROOT / "tests/theano_env": "Theano's build",
}

# The lab's container names the certificate of `make cluster`, which is missing until then; tests make their own.
for name in [name for name in os.environ if name.startswith("DASK_DISTRIBUTED__COMM__TLS__")]:
    del os.environ[name]
os.environ.pop("LXMLS_ADVICE", None)  # the remedies in the lab's container are not those that tests expect

# with CI set, Hypothesis would try the same examples each time
unhurried = {"deadline": None, "derandomize": False, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("unhurried", max_examples=20, **unhurried)
hypothesis.settings.load_profile("unhurried")

_seconds, _tests = Counter(), Counter()
_told = []


@functools.cache
def has_changed(what):
    """Whether files of SELDOM_CHANGED differ from where this branch left `origin`'s; True where git cannot say.

    All count as changed where tests are to leave out nothing: most systems of continuous integration set CI.
    """
    if os.environ.get("CI"):
        return True

    def git(*arguments):
        try:
            done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        except OSError:  # no git
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    base = git("merge-base", "HEAD", "origin/HEAD")
    here = ["--", *SELDOM_CHANGED[what]]
    return base is None or git("diff", "--name-only", base, *here) != "" or git("status", "--porcelain", *here) != ""


def seldom_changed(item, kind):
    """Return which of SELDOM_CHANGED a test is of, or None."""
    if kind in ("gpu", "sanitizer"):
        return "kernels and C code"
    return next((what for folder, what in FOLDERS.items() if item.path.is_relative_to(folder)), None)


def compile_quickly():
    """Let Theano's modules be compiled without optimisation, in half of the time.

    The image has them already, with optimisation: tests/container runs the tests of the models there.
    """
    from lxmls_rnn.theano_env import flags  # of Theano, which is not everywhere

    if not os.environ.get("LXMLS_IMAGE") and "gcc.cxxflags" in (defaults := flags.settings()):
        others = os.environ.get("THEANO_FLAGS")
        os.environ["THEANO_FLAGS"] = ",".join(filter(None, [others, f"gcc.cxxflags={defaults['gcc.cxxflags']} -O0"]))


def pytest_configure(config):
    if config.option.markexpr:  # make test, make test-daily; whoever measures names no kinds of tests
        compile_quickly()
    for name, meaning in KINDS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    for name, meaning in TIERS.items():
        config.addinivalue_line("markers", f"{name}(why): {meaning}")


def pytest_collection_modifyitems(config, items):
    """Give every test its kind; order them so that none that takes long begins last.

    Those that share compiled models are neighbours, so that mostly one process compiles them.
    """
    kinds = list(KINDS)
    for item in items:
        marked = (mark.name for mark in item.iter_markers() if mark.name in KINDS)
        kind = next(marked, None)
        if kind is None:
            kind = item.path.parent.name if item.path.parent.name in KINDS else "unit"
            item.add_marker(kind)
        item.user_properties.append(("kind", kind))
        what = seldom_changed(item, kind)
        if what and not os.environ.get("CI") and (config.option.markexpr != QUICK or not has_changed(what)):
            item.add_marker(pytest.mark.daily(f"{what}: unchanged"))
        for mark in item.iter_markers():
            if mark.name in TIERS and not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: its mark gives no reason: @pytest.mark.{mark.name}('...')")
        for value in item.callspec.params.values() if hasattr(item, "callspec") else ():
            model = MODELS.get(value) if isinstance(value, str) else None
            if model and model.framework.missing and "without" not in item.fixturenames:
                item.add_marker(pytest.mark.skip(reason=model.framework.missing))
    items.sort(key=lambda item: (kinds.index(dict(item.user_properties)["kind"]), "scan_of" not in item.fixturenames))


def pytest_collection_finish():
    """Let no garbage collection go through what the imports have made, which takes a third of a second each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report):
    kind = dict(report.user_properties).get("kind")
    _seconds[kind] += report.duration
    _tests[kind] += report.when == "call"
    if report.when == "call":
        _told.extend(value for name, value in report.user_properties if name == "told")


def pytest_terminal_summary(terminalreporter, config):
    """Say how long the tests of each kind took, those of all workers together, and what `make test` does not run."""
    for line in _told:
        terminalreporter.write_line(line)
    for kind, seconds in _seconds.most_common():
        terminalreporter.write_line(f"{seconds:7.1f} s in {_tests[kind]:4} {kind} tests")
    if config.option.markexpr == QUICK:
        why = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.getreports("skipped"))
        missing = sum(why.pop(reason) for reason in list(why) if "is not installed: `make setup WITH=" in reason)
        for reason, tests in why.most_common():
            terminalreporter.write_line(f"Skipped {tests}: {reason}")
        same = "".join(f", tests of {what} (git: unchanged)" for what in SELDOM_CHANGED if not has_changed(what))
        terminalreporter.write_line(f"Not run: tests marked daily{same}: make test-daily; nightly: make test-nightly")
        terminalreporter.write_line(f"Not run: {missing} tests that need JAX, PyTorch or ONNX: make test-frameworks")
        terminalreporter.write_line("Not run: tests/browser: make test-browser; tests/container: make test-container")


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

    monkeypatch.setattr(picture, "write_atomically", lambda path, write: None)

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
