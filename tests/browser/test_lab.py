import json
import time

import pytest
from browser.window import SIZE
from environment import without_waits


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
    if name == "02-experiments":
        picture(lab.page.locator(".jp-RenderedImage").first, "rounds", SIZE["height"])
    picture(lab.page.locator(".jp-NotebookPanel:visible"), name)
