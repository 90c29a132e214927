import re
import time

from browser.page import COMPILE, button, fill, message, overflowing
from playwright.sync_api import expect

STOPPED = re.compile("Stopped")


def points(panel):
    """Curve points that the first plot shows."""
    return (
        panel.locator(".bqplot")
        .first.locator("path.line")
        .evaluate_all(
            "lines => lines.map(line => (line.getAttribute('d') || '').split('L').length).reduce((a, b) => a + b, 0)"
        )
    )


def press_start(panel, name, epochs):
    fill(panel, "Epochs", epochs)
    fill(panel, "Name of the run", name)
    button(panel, "Start").click()


def start(panel, name, epochs):
    """Start a run and wait for its first epoch: the panel showed an earlier run's before."""
    press_start(panel, name, epochs)
    expect(panel.locator(".lab-log caption")).to_contain_text(f"Epochs of {name}:", timeout=COMPILE)


def test_an_epoch_is_trained_and_the_curve_grows(lab, picture):
    panel = lab.panel("TrainingPanel")
    before = points(panel)
    start(panel, "grows", 3)
    log = panel.locator(".lab-log")
    expect(log.locator("tbody tr")).to_have_count(3, timeout=COMPILE)
    expect(message(panel)).to_contain_text("All 3 epochs done", timeout=COMPILE)
    assert points(panel) > before
    assert (lab.folder.parent / "runs/grows/model.npz").exists()
    assert not overflowing(lab.page, panel)
    picture(panel, "training")
    with lab.dark():
        picture(panel, "training-dark")


def test_another_cell_runs_during_the_training_and_stop_acts_at_once(lab):
    lab.open(lab.write("from lab import TrainingPanel\nTrainingPanel()", "6 * 7"))
    lab.run_cell(0)
    panel = lab.find("TrainingPanel")
    button(panel, "Model").click()
    panel.get_by_label("Model", exact=True).select_option(label="RNN (RNN with scan)")
    button(panel, "Training").click()
    start(panel, "stops", 1000)
    expect(panel.locator(".lab-log tbody tr").nth(1)).to_be_visible(timeout=COMPILE)
    lab.run_cell(1)
    expect(lab.page.locator(".jp-OutputArea-executeResult").last).to_contain_text("42")
    expect(panel.locator(".lab-status")).to_contain_text("raining")
    button(panel, "Stop").click()
    begun = time.monotonic()
    expect(message(panel)).to_contain_text(STOPPED)
    print(f"stopped after {time.monotonic() - begun:.2f} s")


def test_a_pause_holds_the_training(lab):
    panel = lab.panel("TrainingPanel")
    start(panel, "pauses", 1000)
    expect(panel.locator(".lab-log tbody tr").nth(1)).to_be_visible(timeout=COMPILE)
    button(panel, "Pause").press("Space")
    expect(panel.locator(".lab-status")).to_contain_text(re.compile("paused", re.I))
    held = panel.locator(".lab-log").inner_text()
    lab.page.wait_for_timeout(1000)  # in which it would train many sentences
    assert panel.locator(".lab-log").inner_text() == held
    button(panel, "Go on").press("Space")
    expect(panel.locator(".lab-log")).not_to_have_text(held)
    button(panel, "Stop").click()
    expect(message(panel)).to_contain_text(STOPPED)


def test_a_reloaded_page_shows_the_training_that_goes_on(lab):
    panel = lab.panel("TrainingPanel")
    start(panel, "reloaded", 1000)
    expect(panel.locator(".lab-log tbody tr").nth(1)).to_be_visible(timeout=COMPILE)
    lab.save()
    lab.page.wait_for_timeout(500)  # until it is saved
    lab.page.reload()
    panel = lab.find("TrainingPanel")
    rows = panel.locator(".lab-log tbody tr")
    expect(rows.nth(1)).to_be_visible()
    seen = rows.count()
    expect(rows.nth(seen)).to_be_visible(timeout=COMPILE)
    button(panel, "Stop").click()
    expect(message(panel)).to_contain_text(STOPPED)


def test_a_new_panel_finds_the_training_of_one_that_was_closed(lab):
    panel = lab.panel("TrainingPanel")
    start(panel, "found", 1000)
    expect(panel.locator(".lab-log tbody tr").nth(0)).to_be_visible(timeout=COMPILE)
    lab.run_all()
    panel = lab.find("TrainingPanel")
    expect(panel.get_by_label("Look at", exact=True)).to_have_value("found")
    seen = panel.locator(".lab-log tbody tr").count()
    expect(panel.locator(".lab-log tbody tr").nth(seen)).to_be_visible(timeout=COMPILE)
    button(panel, "Stop").click()
    expect(message(panel)).to_contain_text(STOPPED)


def test_two_panels_train_at_once(lab):
    lab.open(lab.write("from lab import TrainingPanel", "TrainingPanel()", "TrainingPanel()"))
    lab.run_all()
    first, second = lab.find("TrainingPanel"), lab.find("TrainingPanel", 1)
    press_start(first, "one", 4)
    press_start(second, "two", 4)
    for panel in (first, second):
        expect(panel.locator(".lab-log tbody tr")).to_have_count(4, timeout=COMPILE)
    same = [(lab.folder.parent / f"runs/{name}/metrics.jsonl").read_text() for name in ("one", "two")]
    costs = [re.findall(r'"cost": [\d.]+', text) for text in same]
    assert costs[0] == costs[1]


def test_wrong_inputs_are_said_and_the_panel_goes_on(lab):
    panel = lab.panel("TrainingPanel")
    fill(panel, "Name of the run", "a/b")
    button(panel, "Start").click()
    expect(message(panel).locator(".lab-error")).to_contain_text("name of a folder")
    start(panel, "once", 1)
    expect(message(panel)).to_contain_text("once is kept in", timeout=COMPILE)
    press_start(panel, "once", 1)
    expect(message(panel).locator(".lab-error")).to_contain_text("there is a run")
