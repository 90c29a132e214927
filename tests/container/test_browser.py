"""The lab in the container, as a person with a browser sees it: all that notebooks import, by its main button."""

import re

import pytest
from browser.page import COMPILE, LabPage, Server, button, fill, message
from browser.window import chromium, context  # noqa: F401  fixtures
from playwright.sync_api import expect

import lab as lab_package


@pytest.fixture
def page(lab, context):  # noqa: F811
    page = LabPage(context.new_page(), Server(*lab.address()), lab.folder / "lab/notebooks")
    yield page
    page.shut_down()


@pytest.fixture(scope="module")
def trained(lab):
    """A run to look into."""
    command = ["lxmls-rnn", "train", "sample", "--model", "NumpyRNN", "--epochs", "1", "--name", "seen"]
    lab.compose("exec", "-T", "lab", *command)


def keep_an_answer(panel):
    fill(panel, "Why?", "Because.")
    expect(message(panel)).to_have_text("Saved.")


def measure_one_shape(panel):
    for box in panel.get_by_role("checkbox").all():
        box.set_checked(
            box.locator("xpath=ancestor::label").inner_text().strip() in ("rnn", "numpy", "cpu", "float32", "backward")
        )
    fill(panel, "Hidden units", 8)
    fill(panel, "Batch", 1)
    fill(panel, "Seconds per case", 0.05)
    button(panel, "Run").click()
    expect(message(panel)).to_contain_text("Done", timeout=COMPILE)


def read_a_corpus(panel):
    button(panel, "Read").click()
    expect(panel.locator(".lab-sentences")).to_contain_text("João")


def train_to_a_distance(panel):
    panel.get_by_label("Distances", exact=True).fill("1")
    fill(panel, "Seeds", 1)
    button(panel, "Start").click()
    expect(message(panel)).to_contain_text("Done.", timeout=COMPILE)


def check_gradients(panel):
    button(panel, "Check").click()
    expect(message(panel)).to_contain_text("agree", timeout=COMPILE)


def tag_a_sentence(panel):
    fill(panel, "Sentence", "the old dog watches her run .")
    button(panel, "Tag").click()
    expect(panel.locator(".lab-tagged")).to_contain_text("dog")


def draw_a_model(panel):
    button(panel, "Create model").click()
    expect(panel.locator(".lab-drawn")).to_contain_text("mean", timeout=COMPILE)


def train_one_epoch(panel):
    button(panel, "Train one epoch").click()
    expect(panel.locator(".lab-play-summary")).to_contain_text("Epochs of training: 1")


def run_a_loop_and_scan(panel):
    button(panel, "Run").click()
    expect(panel).to_contain_text("They agree", timeout=COMPILE)


def step_once(panel):
    button(panel, "Step ▶").click()
    expect(panel.locator(".lab-equation")).to_contain_text("Step 2 of")


def sweep_two_sizes(panel):
    fill(panel, "Epochs", 2)
    values = panel.get_by_label("over", exact=True).first
    values.fill("2, 5")
    values.press("Enter")
    fill(panel, "Seeds", 1)
    fill(panel, "Workers", 2)
    fill(panel, "Name", "browser-sweep")
    button(panel, "Start").click()
    expect(panel.locator(".lab-sweep-status")).to_contain_text("2 of 2 trainings", timeout=COMPILE)
    expect(panel.locator(".lab-sweep-best")).to_contain_text("Chosen on dev: n_hidd=", timeout=COMPILE)


def train_a_tagger(panel):
    panel.get_by_role("button", name="Model", exact=True).click()
    panel.get_by_label("Model", exact=True).select_option(label="FastRNN (RNN, fused layer)")
    panel.get_by_role("button", name="Training", exact=True).click()
    proposed = panel.get_by_label("Run name", exact=True)
    expect(proposed).to_have_value(re.compile("^FastRNN-"))
    fill(panel, "Epochs", 2)
    fill(panel, "Run name", "browser")
    button(panel, "Start").click()
    expect(message(panel)).to_contain_text("All 2 epochs done", timeout=COMPILE)


def see_progress(output):
    expect(output).to_contain_text("6.1")


# name in `lab`: the code that shows it, and what a person does with it; a panel is shown by its name
USES = {
    "Answer": keep_an_answer,
    "BenchmarkPanel": measure_one_shape,
    "CorpusPanel": read_a_corpus,
    "DistancePanel": train_to_a_distance,
    "GradientCheckPanel": check_gradients,
    "InspectionPanel": tag_a_sentence,
    "ModelPanel": draw_a_model,
    "PlayPanel": train_one_epoch,
    "ScanPanel": run_a_loop_and_scan,
    "StepThroughPanel": step_once,
    "SweepPanel": sweep_two_sizes,
    "TrainingPanel": train_a_tagger,
    "check": see_progress,
}


@pytest.mark.parametrize("name", lab_package.__all__)
def test_it_is_used_in_the_browser(lab, page, trained, name):
    assert name in USES, f"{name} is new in lab.__all__: say in USES what a person does with it"
    code = {"Answer": 'Answer("Why?")', "check": "check.progress()"}.get(name, f"{name}()")
    page.open(page.write(f"from lab import {name}", code))
    page.run_all()
    USES[name](page.page.locator(".jp-OutputArea-output").last if name == "check" else page.find(name))
    written = {"SweepPanel": "browser-sweep/sweep.json", "TrainingPanel": "browser/model.npz"}.get(name)
    assert not written or (lab.folder / "runs" / written).stat().st_uid == lab.uid


def test_the_experiments_are_a_page_without_code(page):
    page.page.goto(f"{page.server.url}/voila/render/02-experiments.ipynb?token={page.server.token}")
    expect(page.page.locator(".lab-TrainingPanel").first).to_be_visible(timeout=COMPILE)
    expect(page.page.locator(".jp-InputArea-editor")).to_have_count(0)
