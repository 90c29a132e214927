import re

from browser.page import button, fill, overflowing, press
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
    fill(panel, "Words", "the old man found the dog")
    expect(equation).to_contain_text("Step 1 of 84")
    press(handle, "End")  # the last step of the longer walk, not of the one before
    expect(equation).to_contain_text("Step 84 of 84")


def test_an_lstm_is_walked_through_and_drawn_anew(lab, picture):
    panel = lab.panel("StepThroughPanel")
    equation, drawing = panel.locator(".lab-equation"), panel.locator(".lab-drawing svg")
    panel.get_by_label("Model", exact=True).select_option("NumpyLSTM")
    fill(panel, "Words", "The dog runs")
    expect(equation).to_contain_text("Step 1 of 75")
    fill(panel, "Hidden units", 2)
    expect(panel.locator(".lab-quantities")).to_contain_text("8 × 3")
    expect(panel.get_by_label("Activation", exact=True)).to_be_hidden()
    expect(drawing).to_have_count(1)
    for place in ("forward · word 2", "forward · word 3", "backward · word 3"):
        button(panel, "Word ▶").click()
        expect(equation).to_contain_text(place)
    press(button(panel, "Word ▶"), "Enter")
    expect(equation).to_contain_text("backward · word 2")
    handle = panel.locator(".lab-step .noUi-handle, .lab-step [role=slider]").first
    for symbol in ("dWy", "eh,2", "ea,o,2", "ec,2"):
        press(handle, "ArrowRight")
        expect(equation.locator(".lab-formula")).to_contain_text(symbol)
    expect(equation).to_contain_text("only multiplied by the forget gate f3")
    expect(drawing).to_have_attribute("aria-label", re.compile("now e_c_2 of word 2"))
    fits = "box => box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight"
    assert equation.locator(".lab-scroll").evaluate(fits)
    assert panel.locator(".lab-drawing .lab-scroll").evaluate(fits)
    assert not overflowing(lab.page, panel)
    picture(panel, "step-through-lstm")
    with lab.dark():
        picture(panel, "step-through-lstm-dark")
