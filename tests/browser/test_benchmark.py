from browser.page import button, fill, message, overflowing
from playwright.sync_api import expect


def only(panel, *names):
    """Tick these boxes of the panel and no others."""
    for box in panel.get_by_role("checkbox").all():
        label = box.locator("xpath=ancestor::label").inner_text().strip()
        box.set_checked(label in names)


def test_a_small_benchmark_runs_and_is_kept(lab, picture):
    panel = lab.panel("BenchmarkPanel")
    only(panel, "rnn", "numpy", "fused", "cpu", "cuda", "backward", "float32")
    fill(panel, "Hidden units", "8, 16")
    fill(panel, "Batch", "1, 4")
    fill(panel, "Seconds per case", 0.05)
    button(panel, "Run").click()
    table = panel.locator(".lab-benchmark-table")
    expect(table).to_contain_text("numpy on cpu")
    expect(message(panel)).to_contain_text("Done")
    expect(table).to_contain_text("fused on cpu")
    expect(panel).to_contain_text("No GPU was measured")
    assert list((lab.folder.parent / "results").glob("*.json"))
    assert not overflowing(lab.page, panel)
    assert not lab.complaints
    picture(panel, "benchmark")
    with lab.dark():
        picture(panel, "benchmark-dark")
    lab.page.set_viewport_size({"width": 900, "height": 800})
    assert not overflowing(lab.page, panel)
