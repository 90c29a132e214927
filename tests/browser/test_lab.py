import json
import time

import pytest
from environment import without_waits
from playwright.sync_api import expect


def test_nothing_pops_up_about_jupyter(lab):
    lab.open("00-welcome.ipynb")
    config = json.loads(lab.page.locator("#jupyter-config-data").inner_text())
    assert "@jupyterlab/apputils-extension:announcements" in str(config["disabledExtensions"])
    assert lab.page.locator(".jp-toast-message, .Toastify__toast").count() == 0
    assert "Warning" not in lab.server.said_at_start  # such as that of an extension of the classic notebook


@pytest.mark.parametrize("name", ["00-welcome", "02-experiments", "03-benchmark"])  # tests/lab has the others
def test_a_notebook_runs_from_beginning_to_end(lab, name, picture):
    lab.open(f"{name}.ipynb")
    begun = time.monotonic()
    lab.run_all()
    print(f"{name}: {time.monotonic() - begun:.1f} s")
    said = lab.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts()
    assert [line for text in said for line in without_waits(text)] == []
    assert lab.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert not lab.complaints
    picture(lab.page.locator(".jp-NotebookPanel:visible"), name)


@pytest.mark.nightly("a cell of 02-experiments alone, where the long notebook would scroll its picture away")
def test_the_rounds_of_a_parallel_scan_are_drawn(lab, picture):
    cells = json.loads((lab.folder / "02-experiments.ipynb").read_text())["cells"]
    lab.open(lab.write(*("".join(cell["source"]) for cell in cells if cell["id"] == "rounds")))
    lab.run_all()
    image = lab.page.locator(".jp-RenderedImage")
    expect(image).to_be_visible()
    picture(image, "rounds")
