"""A real JupyterLab for all browser tests; nothing of the project's runs and data is touched."""

import io
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from browser.page import LabPage, Server
from browser.window import SIZE, chromium, context, watched  # noqa: F401  fixtures
from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SCREENSHOTS = os.environ.get("LAB_SCREENSHOTS")  # a folder for pictures: make pictures


def pytest_collection_modifyitems(items):
    """For pictures, run the tests that take some."""
    if SCREENSHOTS:
        items[:] = [item for item in items if "picture" in item.fixturenames]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """Notebooks, data and runs of the tests' own."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "data/sample", folder / "data/sample")
    (folder / "runs").mkdir()
    (folder / "results").mkdir()
    return folder


@pytest.fixture(scope="session")
def environ(workplace):
    config = {f"JUPYTER{name}_DIR": str(workplace / "config") for name in ("_CONFIG", "LAB_SETTINGS", "LAB_WORKSPACES")}
    ours = {"LXMLS_WORK": "work", "LXMLS_RUNS": "runs", "LXMLS_DATA": "data", "LXMLS_RESULTS": "results"}
    return {
        **os.environ,
        **config,
        **{name: str(workplace / folder) for name, folder in ours.items()},
        "LXMLS_DEVICE": "cpu",
    }


@pytest.fixture(scope="session")
def server(workplace, environ):
    options = [
        "--ServerApp.port_retries=0",
        "--KernelManager.transport=ipc",  # files, as two servers could choose one port
        "--LabApp.expose_app_in_browser=True",  # to the tests, which open and close notebooks with it
    ]
    with Server.start(
        [BIN / "lxmls-rnn", "lab", "--no-browser", *options], "--ServerApp.port", workplace, environ
    ) as server:
        yield server


@pytest.fixture(scope="session")
def pages():
    """The page that the next test takes, if there is one."""
    return []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Keep what is known of the messages of a test that failed, and say where."""
    report = yield
    if report.when == "call" and report.failed and (lab := item.funcargs.get("lab")):
        folder = item.funcargs["workplace"] / "failures" / item.name
        report.sections.append((f"kept in {folder}; requests without an end", lab.keep(folder)))
    return report


@pytest.fixture
def lab(pages, chromium, server, workplace, request):  # noqa: F811
    """The lab in a window, with no notebook open: the page of the test before, unless that failed or reloaded it."""
    failed = request.session.testsfailed
    lab = pages.pop() if pages else None
    if lab is None:
        lab = LabPage(chromium.new_context(viewport=SIZE).new_page(), server, workplace / "work")
    with watched(lab.page.context):
        yield lab
        if request.session.testsfailed == failed and not lab.reloaded:
            lab.clear()
            pages.append(lab)
        else:
            lab.page.context.close()
            lab.end_kernels()


# writes the folder of the image for that of the tests
SHOW_IMAGES_FOLDER = """(part, folder) => {
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) walker.currentNode.data = walker.currentNode.data.replaceAll(folder, "/opt/lab");
}"""

SMALL = {"compress_level": 9, "compress_type": zlib.Z_DEFAULT_STRATEGY}  # Pillow's own choice takes a tenth more

# the words on the controls and above the parts, which no font, measurement or rounding changes
LABELS = """part => [...part.querySelectorAll("h1, h3, label, button, summary, .lm-TabBar-tabLabel")]
    .filter(label => label.checkVisibility()).map(label => label.textContent.trim()).filter(Boolean).join(" | ")"""


@pytest.fixture
def picture(workplace, request):
    """Take a picture of a part of the page, if LAB_SCREENSHOTS names a folder for them; else see that docs/ has it.

    A picture holds the labels of its part; those of a picture in docs/panels must be those of the part today.
    """

    def take(part, name, height=2400):  # what is below the fold too
        in_docs = ROOT / f"docs/panels/{name}.png"
        labels = part.evaluate(LABELS)
        if SCREENSHOTS:
            part.evaluate(SHOW_IMAGES_FOLDER, str(workplace))
            size = part.page.viewport_size
            part.page.set_viewport_size({**size, "height": height})
            notes = PngInfo()
            notes.add_itxt("labels", labels)
            with Image.open(io.BytesIO(part.screenshot())) as taken:
                taken.save(Path(SCREENSHOTS) / f"{name}.png", pnginfo=notes, **SMALL)
            part.page.set_viewport_size(size)
        elif in_docs.exists():
            with Image.open(in_docs) as shown:
                assert labels == shown.text["labels"], f"make pictures ARGS='-k {request.node.originalname}'"

    return take


@pytest.fixture(scope="session")
def trained(environ, workplace):
    """Two runs on disk: 'rnn' and 'lstm', which both tag nearly all words correctly."""
    for name, model in (("rnn", "NumpyRNN"), ("lstm", "NumpyLSTM")):
        options = ["--model", model, "--epochs", "4", "--name", name]
        command = [BIN / "lxmls-rnn", "train", "sample", *options]
        subprocess.run(command, check=True, env=environ, cwd=workplace, capture_output=True)
