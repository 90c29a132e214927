import re

from browser.page import button, fill, message, overflowing, press
from playwright.sync_api import expect


def test_both_passes_are_walked_through(lab, picture):
    panel = lab.panel("StepThroughPanel")
    equation = panel.locator(".lab-equation")
    expect(equation).to_contain_text("Step 1 of")
    button(panel, "Step ▶").click()
    expect(equation).to_contain_text("Step 2 of")
    handle = panel.locator(".lab-step .noUi-handle, .lab-step [role=slider]").first
    press(handle, "ArrowRight")
    expect(equation).to_contain_text("Step 3 of")
    press(handle, "End")
    expect(equation).to_contain_text(re.compile(r"Step (\d+) of \1 · backward"))
    press(button(panel, "◀ Step"), "Enter")
    expect(equation).to_contain_text(re.compile(r"Step (\d+) of (?!\1)\d+ · backward"))
    expect(panel.locator(".lab-drawing svg")).to_have_count(2)
    expect(panel.locator(".lab-quantities")).to_contain_text("W")
    assert not overflowing(lab.page, panel)
    picture(panel, "step-through")
    with lab.dark():
        picture(panel, "step-through-dark")


def test_a_sentence_of_ones_own_and_a_wrong_one(lab):
    panel = lab.panel("StepThroughPanel")
    fill(panel, "Words", "")
    expect(message(panel)).to_contain_text("word")
    fill(panel, "Words", "dogs run")
    expect(panel.get_by_label("Gold tags", exact=True)).to_have_value(re.compile(r"^\w+ \w+$"))
    fill(panel, "Gold tags", "noun verb")
    expect(panel.locator(".lab-drawing")).to_contain_text("dogs")
