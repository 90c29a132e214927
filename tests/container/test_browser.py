"""The lab in the container, as a person with a browser sees it."""

import re

import pytest
from browser.page import LabPage, Server, button, fill, message
from browser.window import chromium, context  # noqa: F401  fixtures
from playwright.sync_api import expect


@pytest.fixture
def page(lab, context):  # noqa: F811
    page = LabPage(context.new_page(), Server(*lab.address()), lab.folder / "work")
    yield page
    page.end_kernels()


def test_a_panel_trains_and_its_run_is_the_users(lab, page):
    """The lab opens and one panel works; tests/browser tests the work of each panel outside the container."""
    page.open(page.write("from lab import TrainingPanel", "TrainingPanel()"))
    page.run_all()
    panel = page.find("TrainingPanel")
    panel.get_by_role("button", name="Model", exact=True).click()
    panel.get_by_label("Model", exact=True).select_option(label="FastRNN (RNN, fused layer)")
    panel.get_by_role("button", name="Training", exact=True).click()
    proposed = panel.get_by_label("Run name", exact=True)
    expect(proposed).to_have_value(re.compile("^FastRNN-"))
    fill(panel, "Epochs", 2)
    fill(panel, "Run name", "browser")
    button(panel, "Start").click()
    expect(message(panel)).to_contain_text("All 2 epochs done")
    assert (lab.folder / "runs/browser/model.npz").stat().st_uid == lab.uid
