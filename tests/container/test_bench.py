"""The benchmark: measured in the container, kept on the host."""

import json

CASES = ["--model", "rnn", "--work", "forward", "--hidden", "8", "--batch", "2", "--length", "4", "--words", "50"]
CASES += ["--implementation", "numpy,fused"]


def test_the_benchmark_leaves_its_results_to_the_user(lab):
    bench = ["lxmls-rnn", "bench", *CASES, "--device", "cpu", "--time", "0.05"]
    output = lab.run(*bench, "--out", "results/container.json").stdout
    assert "cannot be written" not in output
    assert "Matplotlib" not in output  # it warns where its cache cannot be written
    file, picture = (lab.folder / "results" / name for name in ("container.json", "container.png"))
    rows = json.loads(file.read_text())["rows"]
    found = {(row["case"]["implementation"], row["case"]["device"]): (row["status"], row["device"]) for row in rows}
    assert found == {
        ("numpy", "cpu"): ("ok", "cpu"),
        ("fused", "cpu"): ("ok", "cpu"),
    }
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert {file.stat().st_uid, picture.stat().st_uid} == {lab.uid}


def test_any_user_draws_without_a_warning(lab):
    output = lab.run("lxmls-rnn", "bench", *CASES, "--device", "cpu", "--out", "/tmp/it.json", LAB_UID="54321").stdout
    assert "Picture: /tmp/it.png" in output
    assert "Matplotlib" not in output
