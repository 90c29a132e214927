import json

from browser.page import COMPILE, button, fill, message, overflowing, press
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
    expect(table).to_contain_text("numpy on cpu", timeout=COMPILE)
    expect(message(panel)).to_contain_text("Done", timeout=2 * COMPILE)
    expect(table).to_contain_text("fused on cpu")
    expect(panel).to_contain_text("No GPU was measured")
    assert list((lab.folder.parent / "results").glob("*.json"))
    assert not overflowing(lab.page, panel)
    assert not lab.complaints
    picture(panel, "benchmark")
    with lab.dark():
        picture(panel, "benchmark-dark")
    expect(panel).to_contain_text("No stored result is of a GPU")
    made_up_gpu(lab.folder.parent / "results")
    button(panel, "Refresh").click()
    expect(panel).to_contain_text("made-up is of a GPU: choose it under Stored results, and press Overlay.")
    panel.get_by_label("Stored results", exact=True).select_option("made-up, GPU")
    press(button(panel, "Overlay"), "Enter")
    expect(table).to_contain_text("fused on cuda, stored")
    expect(panel).to_contain_text("made-up, measured yesterday on 1 thread of a made-up processor, a made-up GPU.")
    expect(panel.get_by_role("row", name="hidden 16")).to_contain_text("10 x")
    lab.page.set_viewport_size({"width": 900, "height": 800})
    assert not overflowing(lab.page, panel)
    picture(panel, "benchmark-beside")
    with lab.dark():
        picture(panel, "benchmark-beside-dark")
    press(button(panel, "Remove"), "Enter")
    expect(table).not_to_contain_text("beside")


def made_up_gpu(folder):
    """Make results of a GPU from those that are there: ten times as fast."""
    content = json.loads(max(folder.glob("bench-*.json"), key=lambda path: path.stat().st_mtime).read_text())
    content |= {"created": "yesterday", "rows": [row for row in content["rows"] if row["median"]]}
    content["machine"] |= {"processor": "a made-up processor", "threads": 1, "gpus": ["a made-up GPU"]}
    for row in content["rows"]:
        if row["case"]["implementation"] == "fused":
            row["case"]["device"] = "cuda"
            for name in ("median", "q1", "q3", "minimum"):
                row[name] /= 10
    (folder / "made-up.json").write_text(json.dumps(content))
