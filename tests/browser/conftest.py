"""A real JupyterLab for all browser tests; nothing of the project's runs and data is touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from browser.page import LabPage, Server
from browser.window import SIZE, chromium, context, watched  # noqa: F401  fixtures

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


@pytest.fixture
def picture(workplace):
    """Take a picture of a part of the page, if LAB_SCREENSHOTS names a folder for them."""

    def take(part, name, height=2400):  # what is below the fold too
        if SCREENSHOTS:
            part.evaluate(SHOW_IMAGES_FOLDER, str(workplace))
            size = part.page.viewport_size
            part.page.set_viewport_size({**size, "height": height})
            part.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
            part.page.set_viewport_size(size)

    return take


@pytest.fixture(scope="session")
def trained(environ, workplace):
    """Two runs on disk: 'rnn' and 'lstm', which both tag nearly all words correctly."""
    for name, model in (("rnn", "NumpyRNN"), ("lstm", "NumpyLSTM")):
        options = ["--model", model, "--epochs", "4", "--name", name]
        command = [BIN / "lxmls-rnn", "train", "sample", *options]
        subprocess.run(command, check=True, env=environ, cwd=workplace, capture_output=True)
