"""A text field under each question: typed, kept, found again in another kernel."""

import json
import re

from browser.page import overflowing
from playwright.sync_api import expect

QUESTIONS = ["Why has h one column more than z?", "What would be the depth of the perceptron for 100 words?"]
ANSWERS = ["Column 0 is h_0,\nbefore the first word.", "100"]
CELLS = ["from lab import Answer", f"Answer(*{QUESTIONS})"]


def test_answers_are_typed_and_are_there_again_in_another_kernel(lab, workplace, picture):
    lab.open(lab.write(*CELLS))
    lab.run_all()
    panel = lab.find("Answer")
    panel.get_by_label(QUESTIONS[0], exact=True).click()
    lab.page.keyboard.type(ANSWERS[0])  # with a new line, which makes no new cell
    lab.page.keyboard.press("Tab")
    expect(panel.get_by_label(QUESTIONS[1], exact=True)).to_be_focused()
    lab.page.keyboard.type(ANSWERS[1])
    expect(panel.locator(".lab-message")).to_have_text("Saved.")
    picture(panel, "answer")
    lab.page.set_viewport_size({"width": 900, "height": 800})
    assert overflowing(lab.page, panel) == []
    file = workplace / "runs" / "answers.json"
    while [answer["text"] for answer in json.loads(file.read_text())["entries"].values()] != ANSWERS:
        lab.page.wait_for_timeout(100)  # between two questions

    lab.end_kernels()
    lab.open(lab.write(*CELLS))
    lab.run_all()
    for question, answer in zip(QUESTIONS, ANSWERS, strict=True):
        expect(lab.find("Answer").get_by_label(question, exact=True)).to_have_value(answer)

    lab.menu("Kernel", "Restart Kernel…")
    lab.page.get_by_role("button", name="Confirm Kernel Restart").click()
    lab.wait_until_idle()
    panel = lab.find("Answer")
    expect(panel).to_have_class(re.compile("jupyter-widgets-disconnected"))
    said = panel.evaluate("panel => (({content, order}) => [content, order])(getComputedStyle(panel, '::after'))")
    assert "not saved" in said[0]
    assert said[1] == "-1"  # above all else
    # the marks of each part would move the curves of a plot off their axes
    mark = "part => getComputedStyle(part, '::before').display"
    assert panel.locator(".jupyter-widgets-disconnected").first.evaluate(mark) == "none"
    expect(panel.locator(".lab-message")).to_be_hidden()  # which said that what is written is kept
