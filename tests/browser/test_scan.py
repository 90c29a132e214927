from browser.page import COMPILE, button, overflowing, press
from playwright.sync_api import expect


def test_a_loop_and_scan_agree_and_their_graphs_are_drawn(lab, picture):
    panel = lab.panel("ScanPanel")
    button(panel, "Markov chain").click()
    button(panel, "Run").click()
    expect(panel).to_contain_text("They agree", timeout=COMPILE)
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
    button(panel, "Run").click()
    expect(panel.locator(".lab-scan-error")).to_contain_text("Error", timeout=COMPILE)
    expect(panel.locator(".lab-scan-error")).to_contain_text("How to read it")
    with lab.dark():
        picture(panel, "scan-mistake-dark")
