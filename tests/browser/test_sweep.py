import re

from browser.page import button, fill, overflowing
from playwright.sync_api import expect

STATUS = ".lab-sweep-status"


def first_over(panel):
    return panel.get_by_label("over", exact=True).first


def start(panel, name, epochs=3, values="2, 20", seeds=2):
    fill(panel, "Epochs", epochs)
    first_over(panel).fill(values)
    first_over(panel).press("Enter")
    fill(panel, "Seeds", seeds)
    fill(panel, "Workers", 2)
    fill(panel, "Sweep name", name)
    button(panel, "Start").click()


def test_a_sweep_is_trained_drawn_and_a_point_opens_its_run(lab, picture):
    panel = lab.panel("SweepPanel")
    start(panel, "watched", values="2, 5, 20")
    expect(panel.locator(STATUS)).to_contain_text("6 of 6 trainings")
    expect(panel.locator(".lab-sweep-best")).to_contain_text("Chosen on dev: n_hidd=")
    expect(panel.locator(".lab-sweep-table tbody tr")).to_have_count(3)
    assert not overflowing(lab.page, panel)
    assert not lab.complaints
    picture(panel, "sweep")
    with lab.dark():
        picture(panel, "sweep-dark")
    point = panel.locator(".bqplot .dot_grp .element, .bqplot .object_grp path.dot, .bqplot path.dot").first
    bar = panel.locator(".bqplot .toolbar_div").first  # its buttons would lie on the best points
    assert bar.evaluate("bar => getComputedStyle(bar).display") == "none"
    point.dispatch_event("click")  # one point has a few pixels, which a page that draws moves under the mouse
    inspection = panel.locator(".lab-InspectionPanel")
    expect(inspection).to_be_visible()
    expect(inspection.locator(".lab-about")).to_contain_text(re.compile("n_hidd=.*NumpyRNN|NumpyRNN"))
