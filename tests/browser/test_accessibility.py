"""Panels for keyboards and screen readers, judged by axe, in both themes; and in a narrow window."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.page import button, expect, fill, message, overflowing

import lab as lab_package

PANELS = sorted(lab_package.PANELS)

NO_TOOLTIP = """panel => [...panel.querySelectorAll("input, select, textarea, button, .noUi-handle")].filter(
    part => part.getBoundingClientRect().width && !part.title && !part.closest(".lab-Answer, .bqplot, .lab-code")
).map(part => `no tooltip: ${part.outerHTML.slice(0, 200)}`)"""

# text colours of the panels with a contrast below the 4.5 of WCAG 2
TOO_FAINT = """panel => {
    const probe = panel.appendChild(document.createElement("span"));
    const pixel = document.createElement("canvas").getContext("2d");
    const luminance = colour => { // of the colour painted over what was painted before
        probe.style.color = colour;
        pixel.fillStyle = getComputedStyle(probe).color;
        pixel.fillRect(0, 0, 1, 1);
        const linear = part => part <= 10 ? part / 3294 : ((part / 255 + 0.055) / 1.055) ** 2.4;
        const [red, green, blue] = [...pixel.getImageData(0, 0, 1, 1).data].map(linear);
        return 0.05 + 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const found = [];
    for (const ground of ["var(--lab-soft)", "var(--jp-layout-color1)"])
        for (const text of ["var(--lab-text)", "var(--lab-faint)", "var(--lab-error)"]) {
            const [low, high] = [luminance(ground), luminance(text)].sort((a, b) => a - b);
            if (high / low < 4.5) found.push(`${text} on ${ground}: ${(high / low).toFixed(2)}`);
        }
    return found;
}"""


def faults(page):
    """What axe finds wrong in the panels: the rule, and the element; a label without a role is only in doubt to axe."""
    response = Axe().run(page, {"include": [[".lab-panel"]]}).response
    in_doubt = [rule for rule in response["incomplete"] if rule["id"] == "aria-prohibited-attr"]
    found = response["violations"] + in_doubt
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
    picture(panels["TrainingPanel"], "narrow-training")
    wrong = [f"{name} {fault}" for name, panel in panels.items() for fault in overflowing(page, panel)]
    for panel in panels.values():
        panel.scroll_into_view_if_needed()
        page.wait_for_function(f"panel => !({NO_TOOLTIP})(panel).length", arg=panel.element_handle())
    wrong += faults(page)
    step_through = panels["StepThroughPanel"]
    step_through.get_by_label("Model", exact=True).select_option("NumpyLSTM")
    fill(step_through, "Hidden units", 5)
    expect(step_through.locator(".lab-quantities")).to_contain_text("20 × 5")
    wrong += faults(page) + overflowing(page, step_through)
    with lab.dark():
        wrong += faults(page)
    assert not wrong, "\n".join(wrong)
    assert not lab.complaints


def test_a_control_is_read_by_its_label_and_explained_by_its_tooltip(lab):
    panel = lab.panel("SweepPanel")
    tips = {
        "Sample": "Train this many settings",
        "Selected sweep": "The sweep that the buttons",
        "Sweep name": "The sweep is saved in a folder",
    }
    for name, tip in tips.items():
        control = panel.get_by_label(name, exact=True)
        expect(control).to_have_attribute("title", re.compile(tip))  # shown under the mouse
        expect(control).to_have_accessible_name(name)
        expect(control).to_have_accessible_description(re.compile(tip))
    panel.get_by_role("button", name="Corpus", exact=True).click()
    panel.get_by_label("Corpus", exact=True).select_option("reach")
    distance = panel.get_by_role("slider")
    expect(distance).to_have_accessible_name("Distance")
    expect(distance).to_have_accessible_description(re.compile("Dependency distance in words"))


def test_text_can_be_read_in_both_themes(lab):
    panel = lab.panel("TrainingPanel")
    button(panel, "Parameters").click()
    expect(panel.locator(".lab-parameters")).to_contain_text("W_h")
    assert not panel.evaluate(TOO_FAINT)
    with lab.dark():
        assert not panel.evaluate(TOO_FAINT)
