import re
import time

from browser.page import button, fill, message, overflowing, press
from playwright.sync_api import expect

from lab.widgets.panel import DOUBLE_CLICK_SECONDS

STOPPED = re.compile("Stopped")


# points of the curves that the first plot of a panel shows
POINTS = """panel => [...(panel.querySelector(".bqplot")?.querySelectorAll("path.line") ?? [])]
    .reduce((sum, line) => sum + (line.getAttribute("d") || "").split("L").length, 0)"""


def press_start(panel, name, epochs):
    # a training may end sooner than a second press no longer counts as that of a double click
    panel.page.wait_for_timeout(1000 * DOUBLE_CLICK_SECONDS)
    fill(panel, "Epochs", epochs)
    fill(panel, "Run name", name)
    button(panel, "Start").click()


def start(panel, name, epochs):
    """Start a run and wait for its first epoch: the panel showed an earlier run's before."""
    press_start(panel, name, epochs)
    expect(log_of(panel, name)).to_be_visible()


def log_of(panel, name):
    """The table of a run's epochs."""
    return panel.get_by_role("table", name=re.compile(rf"^Epochs of {name}:"))


def expect_another_epoch(panel, seen=None):
    """Wait until the log has another last epoch than `seen`, which is the one it has now by default."""
    last = panel.locator(".lab-log tbody td").first
    expect(last).not_to_have_text(seen or last.text_content())


def test_an_epoch_is_trained_and_the_curve_grows(lab, picture):
    panel = lab.panel("TrainingPanel")
    before = panel.evaluate(POINTS)
    start(panel, "grows", 3)
    log = panel.locator(".lab-log")
    expect(log.locator("tbody tr")).to_have_count(3)
    expect(message(panel)).to_contain_text("All 3 epochs done")
    more = f"([panel, before]) => ({POINTS})(panel) > before"
    lab.page.wait_for_function(more, arg=[panel.element_handle(), before])
    assert (lab.folder.parent / "runs/grows/model.npz").exists()
    assert not overflowing(lab.page, panel)
    picture(panel, "training")
    with lab.dark():
        picture(panel, "training-dark")


def test_keys_on_a_panel_are_not_for_jupyterlab(lab):
    panel = lab.panel("TrainingPanel")
    button(panel, "Model").click()
    model = panel.get_by_label("Model", exact=True)
    expect(model).to_be_visible()  # before that it takes no focus
    before = model.input_value()
    for control in (model, panel.get_by_text("Help", exact=True)):
        control.focus()
        for key in "xdd":  # JupyterLab's keys for cutting and deleting a cell
            lab.page.keyboard.press(key)
    expect(panel).to_be_visible()
    assert lab.page.locator(".jp-CodeCell").count() == 2
    assert model.input_value() == before
    model.press("ArrowDown")
    assert model.input_value() != before
    lab.save()


def test_the_parameters_of_the_settings_are_shown(lab, picture):
    panel = lab.panel("TrainingPanel")
    button(panel, "Parameters").click()
    table = panel.locator(".lab-parameters")
    expect(table).to_contain_text("20 × 20")
    button(panel, "Model").click()
    fill(panel, "Hidden units", 30)
    expect(table).to_contain_text("30 × 30")
    panel.get_by_label("Model", exact=True).select_option(label="NumpyLSTM (LSTM in NumPy)")
    expect(table).to_contain_text("W_c")
    assert not overflowing(lab.page, panel)
    picture(panel, "training-parameters")


def test_another_cell_runs_during_the_training_and_stop_acts_at_once(lab):
    lab.open(lab.write("from lab import TrainingPanel\nTrainingPanel()", "6 * 7"))
    lab.run_cell(0)
    panel = lab.find("TrainingPanel")
    button(panel, "Model").click()
    panel.get_by_label("Model", exact=True).select_option(label="RNN (RNN with scan)")
    button(panel, "Training").click()
    expect(panel.get_by_label("Run name", exact=True)).to_have_value(re.compile("^RNN-"))  # proposed by the kernel
    start(panel, "stops", 1000)
    expect(panel.locator(".lab-log tbody tr").nth(1)).to_be_visible()
    lab.run_cell(1)
    expect(lab.page.locator(".jp-OutputArea-executeResult").last).to_contain_text("42")
    expect(panel.locator(".lab-status")).to_contain_text("raining")
    button(panel, "Stop").click()
    begun = time.monotonic()
    expect(message(panel)).to_contain_text(STOPPED)
    print(f"stopped after {time.monotonic() - begun:.2f} s")


def test_a_reloaded_page_shows_the_training_that_goes_on(lab):
    panel = lab.panel("TrainingPanel")
    start(panel, "reloaded", 1000)
    expect(panel.locator(".lab-log tbody tr").nth(1)).to_be_visible()
    lab.save()
    lab.reload()
    panel = lab.find("TrainingPanel")
    expect(log_of(panel, "reloaded")).to_be_visible()
    expect_another_epoch(panel)
    press(button(panel, "Pause"), "Space")
    expect(panel.locator(".lab-status")).to_contain_text("Paused")
    last = panel.locator(".lab-log tbody td").first.text_content()
    press(button(panel, "Resume"), "Space")
    expect_another_epoch(panel, last)
    press(button(panel, "Stop"), "Enter")
    expect(message(panel)).to_contain_text(STOPPED)
    expect(button(panel, "Resume")).to_be_focused()  # who has no mouse goes on from there
    press(button(panel, "Resume"), "Enter")
    expect(button(panel, "Stop")).to_be_focused()
    button(panel, "Stop").click()
    expect(message(panel)).to_contain_text(STOPPED)


def test_a_gradient_explodes_and_another_is_clipped(lab, picture):
    panel = lab.panel("TrainingPanel")
    button(panel, "Model").click()
    panel.get_by_label("Activation", exact=True).select_option(label="relu")
    expect(panel.get_by_label("Initialisation", exact=True)).to_be_hidden()
    button(panel, "More").click()
    panel.get_by_label("Initialisation", exact=True).select_option(label="orthogonal")
    expect(panel.locator(".lab-summary")).to_contain_text("initialisation orthogonal")
    button(panel, "Training").click()
    more, norm = button(panel, "More"), panel.get_by_label("Log gradient norm")
    clip = panel.get_by_label("Clip gradient")
    expect(clip).to_be_visible()
    expect(more).to_have_count(1)  # that of the model's settings is gone
    press(clip, "Tab")
    expect(more).to_be_focused()
    assert more.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    press(more, "Enter")
    expect(norm).to_be_visible()
    press(norm, "Space")
    expect(norm).to_be_checked()
    press_start(panel, "free", 5)
    expect(message(panel).locator(".lab-error")).to_contain_text("clip the gradient")
    clip.check()
    press_start(panel, "clipped", 5)
    expect(message(panel)).to_contain_text("All 5 epochs done")
    expect(log_of(panel, "clipped").locator("th").last).to_have_text("gradient")
    panel.locator(".lab-shown select").select_option(["clipped", "free"])
    norms = panel.locator(".bqplot").filter(has_text="norm of the gradient")
    expect(norms).to_be_visible()
    expect(norms.locator("path.line").nth(2)).to_be_attached()
    assert not overflowing(lab.page, panel)
    picture(panel, "training-norm")
    with lab.dark():
        picture(panel, "training-norm-dark")
        lab.page.set_viewport_size({"width": 900, "height": 800})
        assert not overflowing(lab.page, panel)


def test_a_refused_number_stays_as_typed_with_the_reason_below_and_stops_start(lab, picture):
    panel = lab.panel("TrainingPanel")
    begun = panel.get_by_label("Selected run", exact=True).locator("option").count()
    for label, text, told in (
        ("Learning rate", "0,5", "Learning rate must be a positive number, got '0,5': write 0.5"),
        ("Learning rate", "abc", "Learning rate must be a positive number, got 'abc'"),
        ("Epochs", "3.0", "Epochs must be an integer of at least 1, got '3.0'"),
        ("Epochs", "", "Epochs must be an integer of at least 1, got ''"),
        ("Epochs", "1e3", "Epochs must be an integer of at least 1, got '1e3'"),
    ):
        box = panel.get_by_label(label, exact=True)
        kept = box.input_value()
        box.select_text()
        lab.page.keyboard.press("Delete")
        lab.page.keyboard.type(text)
        box.press("Enter")
        field = panel.locator(".widget-text").filter(has=lab.page.get_by_label(label, exact=True))
        expect(field.get_by_role("alert")).to_have_text(told)
        expect(box).to_have_value(text)
        button(panel, "Start").click()
        expect(message(panel).locator(".lab-error")).to_have_text(told)
        picture(panel, "training-refused")
        if label == "Learning rate":
            fill(panel, label, kept)
            expect(field.locator(".lab-refused:not(:empty)")).to_have_count(0)
    assert not overflowing(lab.page, panel)
    assert panel.get_by_label("Selected run", exact=True).locator("option").count() == begun
    fill(panel, "Epochs", " 12 ")
    expect(panel.locator(".lab-refused:not(:empty)")).to_have_count(0)
    expect(panel.locator(".lab-summary")).to_contain_text("epochs 12, learning rate 0.5")


# a kernel that is busy for as long as a file is there
BUSY = """
import time
from pathlib import Path
print("busy")
while Path("busy").exists():
    time.sleep(0.02)
"""


def test_a_press_does_not_overtake_what_was_typed(lab):
    busy = lab.folder / "busy"
    busy.touch()
    lab.open(lab.write("from lab import CorpusPanel, TrainingPanel\nTrainingPanel()", "CorpusPanel()", BUSY))
    lab.menu("Run", "Run All Cells")
    training, corpus = lab.find("TrainingPanel"), lab.find("CorpusPanel")
    expect(lab.page.locator(".jp-OutputArea-output").last).to_have_text("busy\n")
    for panel, label, text, name in (
        (corpus, "Data set", "nothing", "Fetch"),
        (training, "Run name", "race2/name", "Start"),
    ):
        fill(panel, label, "before")  # the kernel is told of it, and of the next text only once it has heard
        panel.get_by_label(label, exact=True).select_text()
        lab.page.keyboard.type(text)
        button(panel, name).click()
    busy.unlink()
    expect(message(corpus).locator(".lab-error")).to_contain_text("'nothing'")
    expect(message(training).locator(".lab-error")).to_contain_text("'race2/name'")
