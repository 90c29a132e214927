from browser.page import button, message, overflowing, press, wait_until_in_sight
from playwright.sync_api import expect


def pasted(page):
    """Return what the clipboard pastes."""
    page.evaluate("document.body.appendChild(document.createElement('textarea')).focus()")
    page.keyboard.press("Control+V")
    return page.evaluate("() => { const box = document.activeElement; box.remove(); return box.value; }")


def test_a_broken_gradient_is_found_and_the_right_ones_agree(lab, picture):
    panel = lab.panel("GradientCheckPanel")
    button(panel, "Check").click()
    columns = {box.bounding_box()["x"] for box in panel.locator("[class*=lab-check-] input[type=checkbox]").all()}
    assert len(columns) == 3
    table = panel.locator(".lab-check-table")
    expect(table).to_contain_text("FastRNN")
    expect(message(panel)).to_contain_text("agree")
    expect(table).not_to_contain_text("differs")
    for model in ("RNN", "FastRNN"):
        panel.locator(f".lab-check-{model} input").uncheck()
    panel.get_by_label("Mistake", exact=True).select_option("W_h not transposed")
    button(panel, "Show code").click()  # which tells that the kernel has heard of the choice
    expect(panel.locator(".lab-code pre")).to_contain_text("W_h not transposed")
    lab.page.evaluate("delete Navigator.prototype.clipboard")  # as over plain http from another machine
    button(panel, "Copy").click()
    expect(button(panel, "Copied")).to_be_visible()
    assert panel.locator(".lab-code pre").inner_text().strip() == pasted(lab.page)
    button(panel, "Show code").click()
    press(button(panel, "Check"), "Enter")
    expect(message(panel)).to_contain_text("3 of 4 gradients differ")
    expect(panel.locator(".lab-check-diagnosis")).to_contain_text("between the output and the recurrent layer")
    assert not overflowing(lab.page, panel)
    picture(panel, "gradient-check")
    lab.page.set_viewport_size({"width": 900, "height": 800})
    wait_until_in_sight(table.locator(".lab-chip").first)
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    with lab.dark():
        picture(panel, "gradient-check-dark")


def test_a_mistake_in_an_lstm_is_found_and_explained(lab, picture):
    panel = lab.panel("GradientCheckPanel")
    table = panel.locator(".lab-check-table .lab-scroll")
    for model in ("NumpyRNN", "RNN", "FastRNN"):
        panel.locator(f".lab-check-{model} input").uncheck()
    panel.get_by_label("Mistake", exact=True).select_option("LSTM: error along the cell forgotten")
    expect(panel.locator(".lab-check-NumpyLSTM input")).to_be_checked()
    press(button(panel, "Check"), "Enter")
    expect(message(panel)).to_contain_text("7 of 9 gradients differ")
    expect(panel.locator(".lab-check-diagnosis")).to_contain_text("this term lets an LSTM learn long distances")
    panel.get_by_label("Gradient", exact=True).select_option("✗ W_h: NumpyLSTM, broken against finite diff.")
    expect(panel.locator(".lab-check-entries")).to_contain_text("o 3")
    assert not overflowing(lab.page, panel)
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")  # the verdict is to be seen
    picture(panel, "gradient-check-lstm")
    with lab.dark():
        picture(panel, "gradient-check-lstm-dark")
