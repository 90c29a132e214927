import re

from browser.page import button, fill, overflowing, press
from playwright.sync_api import expect

from lab import PlayPanel


def slider(panel, name):
    return panel.locator(".widget-slider").filter(has_text=name)


def test_dragging_a_knob_shows_at_once_what_becomes_of_the_gradient(lab, picture):
    panel = lab.panel("PlayPanel")
    summary, knob = panel.locator(".lab-play-summary"), slider(panel, "W_h ×")
    panel.get_by_label("Corpus", exact=True).select_option(label="reach")
    fill(panel, "Distance", 10)
    expect(panel.locator(".lab-play-states")).to_contain_text("watches")
    expect(panel.locator(".bqplot path.line").first).to_be_visible()
    press(knob.get_by_role("slider"), "ArrowRight")
    expect(knob).to_contain_text("1.05")
    # many small moves of the mouse, faster than they are drawn: the last one counts, soon
    track = knob.locator(".noUi-target").bounding_box()
    knob.locator(".noUi-handle").hover()
    lab.page.mouse.down()
    lab.page.mouse.move(track["x"] + 0.6 * track["width"], track["y"] + track["height"] / 2, steps=80)
    lab.page.mouse.up()
    expect(knob).to_contain_text(re.compile("2.9|3.0|3.1"))
    same = PlayPanel()
    same.corpus.value, same.distance.value = "reach", 10
    same.W_h.value = float(knob.locator(".widget-readout").inner_text())
    expect(summary).to_have_text(same.summary.value, timeout=2000)
    button(panel, "Keep").click()
    panel.get_by_label("Tagger", exact=True).select_option(label="LSTM")
    expect(panel.get_by_text("kept").first).to_be_visible()
    gate = slider(panel, "Forget gate +")
    press(gate.get_by_role("slider"), "PageUp")
    expect(gate).not_to_contain_text(re.compile(r"0\.00"))
    expect(summary).to_contain_text("forget gates are open to")
    assert not overflowing(lab.page, panel)
    picture(panel, "play")
    panel.get_by_label("Loss along", exact=True).select_option(label="Forget gate +")
    button(panel, "Train one epoch").click()
    expect(summary).to_contain_text("Epochs of training: 1")
    with lab.dark():
        picture(panel, "play-dark")
        lab.page.set_viewport_size({"width": 900, "height": 800})
        expect(panel.locator(".lab-play-states table")).to_be_visible()
        assert not overflowing(lab.page, panel)
