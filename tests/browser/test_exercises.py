"""A student's view: a gap filled in wrongly, the check's verdict, and a panel that shows the formula."""

from browser.page import press
from playwright.sync_api import expect

from lab.exercises.exercise import EXERCISES


def test_a_wrong_answer_has_a_verdict_with_its_line_and_its_cause(lab, picture):
    wrong = EXERCISES["errors"].solution.replace("W_h.T @ e_a", "W_h @ e_a")
    imports, code = "import numpy as np\nfrom lab import StepThroughPanel, check", wrong.partition("\n\n\n")[2].strip()
    lab.open(lab.write(imports, code, "check.errors(my_errors)", "StepThroughPanel()"))
    lab.run_all()
    verdict = lab.page.locator(".jp-OutputArea-output").filter(has_text="not right")
    expect(verdict).to_contain_text("e_h[:, t] += W_h @ e_a[:, t + 1]")
    expect(verdict).to_contain_text("W_h is not transposed: the error goes back through W_h^T.")
    panel = lab.find("StepThroughPanel")
    handle = panel.locator(".lab-step .noUi-handle, .lab-step [role=slider]").first
    press(handle, "Home")
    for _ in range(40):
        handle.press("ArrowRight")
    expect(panel.locator(".lab-equation")).to_contain_text("Step 41 of 70 · backward · word 4")
    notebook = lab.page.locator(".jp-NotebookPanel:visible .jp-WindowedPanel-outer")
    lab.page.set_viewport_size({"width": 1280, "height": 1065})
    notebook.evaluate("part => { part.scrollTop = part.querySelectorAll('.jp-CodeCell')[1].offsetTop }")
    picture(notebook, "notebook", height=1065)
