from browser.page import button, message, overflowing
from playwright.sync_api import expect


def test_a_corpus_is_read_and_shown(lab, picture):
    panel = lab.panel("CorpusPanel")
    button(panel, "Read").click()
    expect(message(panel)).to_contain_text("Read.")
    expect(panel.locator(".lab-sentences")).to_contain_text("João")
    expect(panel.locator(".bqplot").first).to_be_visible()
    assert not overflowing(lab.page, panel)
    picture(panel, "corpus")
    with lab.dark():
        picture(panel, "corpus-dark")


def choose(lab, panel, name, text):
    with lab.page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload file").click()
    chooser.value.set_files({"name": name, "mimeType": "text/plain", "buffer": text.encode()})
