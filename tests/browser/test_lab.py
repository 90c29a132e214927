import json


def test_nothing_pops_up_about_jupyter(lab):
    lab.open("00-welcome.ipynb")
    config = json.loads(lab.page.locator("#jupyter-config-data").inner_text())
    assert "@jupyterlab/apputils-extension:announcements" in str(config["disabledExtensions"])
    assert lab.page.locator(".jp-toast-message, .Toastify__toast").count() == 0
