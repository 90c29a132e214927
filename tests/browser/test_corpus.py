from browser.page import button, fill, message, overflowing, press
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


def test_a_part_of_a_treebanks_name_is_enough_to_find_it(lab):
    panel = lab.panel("CorpusPanel")
    box = panel.get_by_label("Data set", exact=True)
    assert box.evaluate("box => [...box.list.options].some(option => option.value == 'ud:pt_bosque')")
    box.fill("ud:bosque")
    press(button(panel, "Fetch"), "Enter")
    expect(message(panel)).to_contain_text("did you mean ud:pt_bosque?")


def test_help_and_code_are_a_key_away(lab):
    panel = lab.panel("CorpusPanel")
    press(button(panel, "Help"), "Space")
    expect(panel.locator(".lab-help")).to_be_visible()
    press(button(panel, "Show code"), "Space")
    expect(panel.locator(".lab-code pre")).to_contain_text("read_corpus(settings)")
    fill(panel, "Shorter than", 16)
    expect(panel.locator(".lab-code pre")).to_contain_text("max_sent_len=16")


def test_an_own_file_is_taken_or_refused(lab):
    panel = lab.panel("CorpusPanel")
    choose(lab, panel, "bad.conll", "1\tDogs\n")
    expect(message(panel)).to_contain_text("bad.conll")
    choose(lab, panel, "mine.conll", "1\tDogs\t_\tNN\tNN\n2\trun\t_\tVB\tVB\n\n" * 4)
    expect(panel.get_by_label("Corpus", exact=True)).to_have_value("uploads/mine.conll")
    button(panel, "Read").click()
    expect(panel.locator(".lab-sentences")).to_contain_text("Dogs")


def choose(lab, panel, name, text):
    with lab.page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload file").click()
    chooser.value.set_files({"name": name, "mimeType": "text/plain", "buffer": text.encode()})
