"""The lab in the container, as a person with a browser sees it."""

import re

import pytest
from browser.page import COMPILE, LabPage, Server, button, fill, message
from browser.window import chromium, context  # noqa: F401  fixtures
from playwright.sync_api import expect


@pytest.fixture
def page(lab, context):  # noqa: F811
    return LabPage(context.new_page(), Server(*lab.address()), lab.folder / "lab/notebooks")


def test_a_tagger_is_trained_and_asked_in_the_browser(lab, page):
    training = page.panel("TrainingPanel")
    training.get_by_role("button", name="Model", exact=True).click()
    training.get_by_label("Model", exact=True).select_option(label="FastRNN (RNN, fused layer)")
    training.get_by_role("button", name="Training", exact=True).click()
    proposed = training.get_by_label("Name of the run", exact=True)
    expect(proposed).to_have_value(re.compile("^FastRNN-"))
    fill(training, "Epochs", 2)
    fill(training, "Name of the run", "browser")
    button(training, "Start").click()
    expect(message(training)).to_contain_text("All 2 epochs done", timeout=COMPILE)
    assert (lab.folder / "runs/browser/model.npz").stat().st_uid == lab.uid
    inspection = page.panel("InspectionPanel")
    fill(inspection, "Sentence", "the old dog watches her run .")
    expect(inspection.locator(".lab-tagged")).to_contain_text("dog")


def test_the_experiments_are_a_page_without_code(page):
    page.page.goto(f"{page.server.url}/voila/render/02-experiments.ipynb?token={page.server.token}")
    expect(page.page.locator(".lab-TrainingPanel").first).to_be_visible(timeout=COMPILE)
    expect(page.page.locator(".jp-InputArea-editor")).to_have_count(0)
