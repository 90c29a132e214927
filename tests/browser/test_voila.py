from browser.page import COMPILE, button, message
from playwright.sync_api import expect


def test_the_experiments_are_a_page_without_code(lab, picture):
    page = lab.page
    page.goto(f"{lab.server.url}/voila/render/02-experiments.ipynb?token={lab.server.token}")
    expect(page.locator(".lab-CorpusPanel")).to_be_visible(timeout=COMPILE)
    expect(page.locator(".jp-InputArea-editor")).to_have_count(0)
    panel = lab.find("CorpusPanel")
    button(panel, "Read").click()
    expect(message(panel)).to_contain_text("Read.")
    picture(panel, "voila-corpus")
