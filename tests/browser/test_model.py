from browser.page import COMPILE, button, fill, overflowing
from playwright.sync_api import expect


def test_a_model_is_described_and_made(lab, picture):
    panel = lab.panel("ModelPanel")
    fill(panel, "Hidden units", 30)
    panel.get_by_label("Model", exact=True).select_option(label="LSTM (LSTM with scan)")
    expect(panel.locator(".lab-parameters")).to_contain_text("W_c")
    button(panel, "Make it").click()
    expect(panel.locator(".lab-device")).to_contain_text("CPU", timeout=COMPILE)
    expect(panel.locator(".lab-drawn")).to_contain_text("mean", timeout=COMPILE)
    assert not overflowing(lab.page, panel)
    picture(panel, "model")
    with lab.dark():
        picture(panel, "model-dark")
