import pytest
from browser.page import button, fill, overflowing, press, wait_until_in_sight
from playwright.sync_api import expect

pytestmark = pytest.mark.usefixtures("trained")


def tab(panel, name):
    panel.get_by_role("tab", name=name, exact=True).click()


def test_a_sentence_is_tagged_and_looked_into(lab, picture):
    panel = lab.panel("InspectionPanel")
    panel.get_by_label("Run", exact=True).select_option("lstm")
    fill(panel, "Sentence", "the old dog watches a zebra .")
    tagged = panel.locator(".lab-tagged")
    expect(tagged).to_contain_text("dog")
    expect(tagged).to_contain_text("noun")
    assert not overflowing(lab.page, panel)
    picture(panel, "inspection-tags")
    tab(panel, "Hidden state")
    button(panel, "gates and cell").click()
    expect(panel.locator(".lab-hidden")).to_contain_text("forget gate")
    picture(panel, "inspection-hidden")
    tab(panel, "Gradient")
    expect(panel.locator(".lab-gradient .bqplot path.line").first).to_be_visible()
    expect(panel.locator(".lab-gradient .bqplot")).to_contain_text("watches")  # below its points
    assert not overflowing(lab.page, panel)
    picture(panel, "inspection-gradient")
    with lab.dark():
        picture(panel, "inspection-gradient-dark")
    tab(panel, "Neighbours")
    nearest = panel.locator(".lab-nearest")
    expect(nearest).to_contain_text("Nearest to")  # of the word that the kernel puts into the field
    fill(panel, "Word", "dog")
    expect(nearest).to_contain_text("Nearest to dog")
    button(panel, "Draw map").click()
    expect(panel.locator(".lab-map .bqplot")).to_contain_text("dog")
    assert not overflowing(lab.page, panel)
    picture(panel, "inspection-map")
    word = panel.locator(".lab-map .object_grp").first
    place = word.get_attribute("transform")
    button(panel, "before").press("Enter")
    expect(nearest).to_contain_text("Nearest to dog before training")
    expect(word).not_to_have_attribute("transform", place)  # it moves
    picture(panel, "inspection-map-before")
    button(panel, "after training").click()
    expect(nearest).to_contain_text("Nearest to dog, by")
    with lab.dark():
        picture(panel, "inspection-map-dark")
    tab(panel, "Errors")
    button(panel, "Measure").click()
    expect(panel.locator(".lab-accuracy")).to_contain_text("%")
    with lab.dark():
        picture(panel, "inspection-errors-dark")
    assert not overflowing(lab.page, panel)


def test_the_selected_word_is_seen_in_a_narrow_window(lab):
    lab.page.set_viewport_size({"width": 900, "height": 800})
    panel = lab.panel("InspectionPanel")
    panel.get_by_label("Run", exact=True).select_option("lstm")
    fill(
        panel,
        "Sentence",
        "the old dog that the teacher saw watches a zebra that runs through the dark old garden .",
    )
    expect(panel.locator(".lab-tagged")).to_contain_text("garden")  # then the slider goes to its last word
    marked = panel.locator("td.lab-marked").first
    for key, place in (("End", 18), ("Home", 1)):
        press(panel.get_by_role("slider").locator("visible=true").first, key)
        expect(panel.locator(f"tr td.lab-marked:nth-child({place + 1})")).to_have_count(12)
        wait_until_in_sight(marked)
