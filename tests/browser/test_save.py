"""Pictures and tables of a panel, saved by the browser."""

import csv

from browser.page import button
from PIL import Image
from playwright.sync_api import expect


def saved(panel, kind, folder):
    with panel.page.expect_download() as waiting:
        button(panel, kind.upper()).click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


def test_pictures_and_tables_are_saved_with_their_colours(lab, tmp_path):
    panel = lab.panel("PlayPanel")
    expect(panel.locator("svg").first).to_be_visible()
    drawing = saved(panel, "svg", tmp_path)
    assert drawing.name == "PlayPanel.svg"
    assert "var(" not in drawing.read_text()
    table = saved(panel, "csv", tmp_path).read_text().splitlines()
    assert any(line.startswith("h 1,") for line in table)
    with Image.open(saved(panel, "png", tmp_path)) as image:
        assert min(image.size) > 400
        assert len(image.convert("RGB").getcolors(1 << 20)) > 10


def test_a_picture_names_its_lines(lab, tmp_path, trained):
    panel = lab.panel("TrainingPanel")
    panel.get_by_label("Plot", exact=True).select_option(["rnn", "lstm"])
    expect(panel.locator(".lab-key")).to_have_count(2)
    expect(panel.locator(".bqplot path.line").first).to_be_visible()
    drawing = saved(panel, "svg", tmp_path).read_text()
    assert all(f">{name}</text>" in drawing for name in ("rnn", "lstm", "epochs"))
    rows = csv.DictReader(saved(panel, "csv", tmp_path).read_text().splitlines())
    last = {name: float(value) for name, value in next(rows).items()}  # shown as 80.53% and 1,599,111
    assert 0 < last["dev"] < 1 < last["words/s"]


def test_a_panel_without_a_picture_says_so(lab):
    panel = lab.panel("DistancePanel")
    button(panel, "PNG").click()
    expect(panel.locator(".lab-save")).to_contain_text("There is no picture yet.")
