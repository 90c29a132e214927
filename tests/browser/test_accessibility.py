"""Panels for keyboards and screen readers, judged by axe, in both themes; and in a narrow window."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.page import button, expect, fill, message, overflowing

import lab as lab_package

PANELS = sorted(lab_package.PANELS)


# ipywidgets gives the handles of its sliders and the buttons of its Play no names.
OF_IPYWIDGETS = [[".noUi-handle"], [".widget-play button"]]


def faults(page):
    """What axe finds wrong in the panels: the rule, and the element."""
    found = Axe().run(page, {"include": [[".lab-panel"]], "exclude": OF_IPYWIDGETS}).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]} {node['target']}" for rule in found for node in rule["nodes"]]


@pytest.mark.usefixtures("trained")
def test_panels_pass_axe_in_both_themes_and_fit_a_narrow_window(lab, picture):
    page = lab.page
    page.set_viewport_size({"width": 900, "height": 800})
    lab.open(lab.write("import lab", f"display({', '.join(f'lab.{name}()' for name in PANELS)}, lab.Answer('Why?'))"))
    lab.run_all()
    panels = {name: lab.find(name) for name in [*PANELS, "Answer"]}
    button(panels["CorpusPanel"], "Read").click()
    expect(message(panels["CorpusPanel"])).to_contain_text("Read.")
    picture(panels["ModelPanel"], "narrow-model")
    wrong = [f"{name} {fault}" for name, panel in panels.items() for fault in overflowing(page, panel)]
    wrong += faults(page)
    step_through = panels["StepThroughPanel"]
    step_through.get_by_label("Model", exact=True).select_option("NumpyLSTM")
    fill(step_through, "Hidden units", 5)
    expect(step_through.locator(".lab-quantities")).to_contain_text("20 × 5")
    wrong += faults(page) + overflowing(page, step_through)
    inspection = panels["InspectionPanel"]
    for name, shown in (("Similar states", "Search finds"), ("Influence", "The bluer a word")):
        inspection.get_by_role("tab", name=name).click()
        expect(inspection.get_by_text(shown)).to_be_visible()
        wrong += faults(page) + overflowing(page, inspection)
    with lab.dark():
        wrong += faults(page)
    assert not wrong, "\n".join(wrong)
