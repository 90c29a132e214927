import re

from browser.page import button, fill, overflowing, press
from playwright.sync_api import expect

from lab import PlayPanel


def slider(panel, name):
    return panel.locator(".widget-slider").filter(has_text=name)


def test_dragging_a_knob_shows_at_once_what_becomes_of_the_gradient(lab, picture):
    panel = lab.panel("PlayPanel")
    summary, knob = panel.locator(".lab-play-summary"), slider(panel, "W_h ×")
    panel.get_by_label("Corpus", exact=True).select_option(label="reach")
    fill(panel, "Distance", 10)
    expect(panel.locator(".lab-play-states")).to_contain_text("watches")
    expect(panel.locator(".bqplot path.line").first).to_be_visible()
    press(knob.get_by_role("slider"), "ArrowRight")
    expect(knob).to_contain_text("1.05")
    # many small moves of the mouse, faster than they are drawn: the last one counts, soon
    track = knob.locator(".noUi-target").bounding_box()
    knob.locator(".noUi-handle").hover()
    lab.page.mouse.down()
    lab.page.mouse.move(track["x"] + 0.6 * track["width"], track["y"] + track["height"] / 2, steps=80)
    lab.page.mouse.up()
    expect(knob).to_contain_text(re.compile("2.9|3.0|3.1"))
    same = PlayPanel()
    same.choice["corpus"].value, same.choice["distance"].value = "reach", 10
    same.knob["W_h"].value = float(knob.locator(".widget-readout").inner_text())
    expect(summary).to_have_text(same.summary.value)
    button(panel, "Keep").click()
    panel.get_by_label("Tagger", exact=True).select_option(label="LSTM")
    expect(panel.get_by_text("kept").first).to_be_visible()
    gate = slider(panel, "Forget gate +")
    press(gate.get_by_role("slider"), "PageUp")
    expect(gate).not_to_contain_text(re.compile(r"0\.00"))
    expect(summary).to_contain_text("forget gates are open to")
    assert not overflowing(lab.page, panel)
    picture(panel, "play")
    panel.get_by_label("Loss along", exact=True).select_option(label="Forget gate +")
    button(panel, "Train one epoch").click()
    expect(summary).to_contain_text("Epochs of training: 1")
    with lab.dark():
        picture(panel, "play-dark")
        lab.page.set_viewport_size({"width": 900, "height": 800})
        expect(panel.locator(".lab-play-states table")).to_be_visible()
        assert not overflowing(lab.page, panel)


def out_of_sight(panel, *parts):
    """Parts that are not wholly within the notebook's window, up to a pixel."""
    window = panel.page.locator(".jp-WindowedPanel-outer").bounding_box()

    def beyond(box):
        ends = (("x", "width"), ("y", "height"))
        return any(not window[a] - 1 < box[a] < box[a] + box[n] < window[a] + window[n] + 1 for a, n in ends)

    return [part for part in parts if beyond(part.bounding_box())]


def crowded(panel):
    """Pairs of ticks and labels of the plots that overlap, and those that stick out of their plot."""
    return panel.evaluate(
        """panel => [...panel.querySelectorAll(".bqplot")].flatMap(plot => {
            const frame = plot.getBoundingClientRect();
            const texts = [...plot.querySelectorAll(".axis text")].filter(text => text.textContent.trim());
            const boxes = texts.map(text => [text.textContent, text.getBoundingClientRect()]);
            const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
            return boxes.flatMap(([text, box], n) => [
                ...(box.left < frame.left - 1 || box.right > frame.right + 1 ? ["sticks out: " + text] : []),
                ...boxes.slice(n + 1).filter(([, other]) => meet(box, other)).map(([other]) => text + " on " + other),
            ]);
        })"""
    )


def test_knobs_and_plots_are_visible_together(lab):
    page = lab.page
    page.set_viewport_size({"width": 1000, "height": 700})
    panel = lab.panel("PlayPanel")
    panel.get_by_label("Tagger", exact=True).select_option(label="LSTM")
    plots, numbers = panel.locator(".bqplot"), panel.locator(".lab-play-recurrence")
    expect(plots).to_have_count(2)
    knobs = [slider(panel, name) for name in ("W_h ×", "Weights ×", "Forget gate +")]
    knobs += [panel.get_by_label(f"{gate} gate =", exact=True) for gate in ("Input", "Forget", "Output")]
    expect(knobs[-1]).to_be_visible()
    shown = *knobs, button(panel, "Grows"), button(panel, "Reset"), numbers, plots.first, plots.last

    with lab.dark():
        button(panel, "Grows").evaluate("button => button.scrollIntoView({block: 'start'})")
        assert not out_of_sight(panel, *shown)
        assert not overflowing(page, panel)
        assert not crowded(panel)
        before, scrolled = numbers.inner_text(), button(panel, "Grows").bounding_box()
        press(knobs[0].get_by_role("slider"), "PageUp")
        expect(numbers).not_to_have_text(before)
        assert button(panel, "Grows").bounding_box() == scrolled
        assert not out_of_sight(panel, *shown)
