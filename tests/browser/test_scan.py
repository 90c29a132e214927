from browser.page import COMPILE, button, overflowing
from playwright.sync_api import expect


def test_a_loop_and_scan_agree_and_their_graphs_are_drawn(lab, picture):
    panel = lab.panel("ScanPanel")
    button(panel, "Markov chain").click()
    button(panel, "Run").click()
    expect(panel).to_contain_text("They agree", timeout=COMPILE)
    expect(panel).to_contain_text("as written")
    assert panel.locator(".lab-scroll svg:visible").count() >= 2
    steps = panel.locator(".widget-hslider:visible", has_text="Steps").locator("[role=slider], .noUi-handle").first
    before = panel.inner_text()
    steps.focus()
    lab.page.keyboard.press("ArrowRight")
    expect(panel).not_to_have_text(before)
    expect(panel).to_contain_text("They agree")
    assert not overflowing(lab.page, panel)
    picture(panel, "scan")


def test_a_mistake_is_run_and_explained(lab, picture):
    panel = lab.panel("ScanPanel")
    button(panel, "What goes wrong").press("Enter")
    button(panel, "Run").click()
    expect(panel.locator(".lab-scan-error")).to_contain_text("Error", timeout=COMPILE)
    expect(panel.locator(".lab-scan-error")).to_contain_text("How to read it")
    with lab.dark():
        picture(panel, "scan-mistake-dark")
