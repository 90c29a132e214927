from browser.page import button, fill, overflowing
from playwright.sync_api import expect


def test_keys_on_a_panel_are_not_for_jupyterlab(lab):
    panel = lab.panel("ModelPanel")
    model = panel.get_by_label("Model", exact=True)
    before = model.input_value()
    for control in (model, button(panel, "Help")):
        control.focus()
        for key in "xdd":  # JupyterLab's keys for cutting and deleting a cell
            lab.page.keyboard.press(key)
    expect(panel).to_be_visible()
    assert lab.page.locator(".jp-CodeCell").count() == 2
    assert model.input_value() == before
    model.press("ArrowDown")
    assert model.input_value() != before
    lab.save()


def test_a_model_is_described_and_made(lab, picture):
    panel = lab.panel("ModelPanel")
    peepholes = panel.get_by_label("Peepholes")
    fill(panel, "Hidden units", 30)
    expect(peepholes).to_be_hidden()
    panel.get_by_label("Model", exact=True).select_option(label="LSTM (LSTM with scan)")
    expect(panel.locator(".lab-parameters")).to_contain_text("W_c")
    peepholes.uncheck()
    expect(panel.locator(".lab-parameters")).not_to_contain_text("W_c")
    picture(panel, "model-no-peepholes")
    peepholes.check()
    expect(panel.locator(".lab-parameters")).to_contain_text("W_c")
    button(panel, "Create model").click()
    expect(panel.locator(".lab-device")).to_contain_text("CPU")
    expect(panel.locator(".lab-drawn")).to_contain_text("mean")
    assert not overflowing(lab.page, panel)
    picture(panel, "model")
    with lab.dark():
        picture(panel, "model-dark")
