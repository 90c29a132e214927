import re

from browser.page import button, fill, overflowing
from playwright.sync_api import expect


def test_an_lstm_reaches_further_than_an_rnn(lab, picture):
    panel = lab.panel("DistancePanel")
    panel.get_by_label("Distances", exact=True).fill("1, 3, 10")
    fill(panel, "Seeds", 2)
    button(panel, "Start").click()
    expect(panel.locator(".lab-message")).to_contain_text("Done.")
    expect(panel.locator(".lab-distances")).to_contain_text(re.compile(r"LSTM\s*100% 100%\s*100% 100%"))
    expect(panel.locator(".bqplot path.line").first).to_be_visible()
    assert not overflowing(lab.page, panel)
    assert not lab.complaints
    picture(panel, "distance")
