from browser.page import button, message, overflowing, press
from playwright.sync_api import expect


def test_a_loop_and_scan_agree_and_their_graphs_are_drawn(lab, picture):
    panel = lab.panel("ScanPanel")
    button(panel, "Markov chain").click()
    expect(panel.get_by_label("States", exact=True)).to_be_visible()  # a click may overtake the choice before it
    button(panel, "Run").click()
    expect(panel).to_contain_text("They agree")
    expect(panel).to_contain_text("as written")
    expect(panel.locator(".bqplot path.line").first).to_be_visible()
    graphs = panel.locator(".lab-scroll svg")
    expect(graphs.nth(1)).to_be_hidden()
    press(button(panel, "Theano's graphs"), "Space")
    expect(graphs.nth(1)).to_be_visible()
    steps = panel.locator(".widget-hslider:visible", has_text="Steps").locator("[role=slider], .noUi-handle").first
    at_13 = panel.locator(".lab-heat").get_by_role("columnheader", name="13", exact=True)
    expect(at_13).to_have_count(0)
    press(steps, "ArrowRight")
    expect(at_13).to_have_count(2)
    expect(panel).to_contain_text("They agree")
    assert not overflowing(lab.page, panel)
    picture(panel, "scan")


def test_a_mistake_is_run_and_explained(lab, picture):
    panel = lab.panel("ScanPanel")
    press(button(panel, "What goes wrong"), "Enter")
    expect(panel.get_by_label("Mistake", exact=True)).to_be_visible()
    button(panel, "Run").click()
    expect(panel.locator(".lab-scan-error")).to_contain_text("Error")
    expect(panel.locator(".lab-scan-error")).to_contain_text("How to read it")
    with lab.dark():
        picture(panel, "scan-mistake-dark")


def test_a_step_is_edited_run_and_restored(lab, picture):
    panel = lab.panel("ScanPanel")
    lab.page.set_viewport_size({"width": 1440, "height": 900})
    step, code = panel.get_by_label("Step", exact=True), panel.locator(".lab-code")
    button(panel, "Show code").click()
    step.click()
    lab.page.keyboard.press("Control+End")
    lab.page.keyboard.press("ArrowLeft")
    lab.page.keyboard.type(" + z")
    lab.page.keyboard.press("Tab")  # a field sends its text when it is left
    expect(step).to_have_value("def step(x_t):\n    return x_t ** 2 + z\n")
    expect(code).to_contain_text("return x_t ** 2 + z")  # the kernel has the text
    button(panel, "Run").click()
    expect(message(panel).get_by_role("alert")).to_contain_text("Line 2 of the step")
    expect(message(panel)).to_contain_text("name 'z' is not defined")
    assert not overflowing(lab.page, panel)
    picture(panel, "scan-step-error")
    step.click()
    lab.page.keyboard.press("Control+End")
    lab.page.keyboard.press("ArrowLeft")
    lab.page.keyboard.press("Backspace")
    lab.page.keyboard.type("x_t")
    lab.page.keyboard.press("Tab")
    expect(code).to_contain_text("return x_t ** 2 + x_t")
    button(panel, "Show code").click()
    press(button(panel, "Run"), "Enter")
    expect(panel).to_contain_text("They do NOT agree")
    expect(message(panel)).to_contain_text("Compiled")
    expect(panel.locator(".bqplot path.line").first).to_be_visible()
    assert not overflowing(lab.page, panel)
    picture(panel, "scan-step-1440")
    with lab.dark():
        picture(panel, "scan-step-1440-dark")
