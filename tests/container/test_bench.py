"""The benchmark: measured in the container, kept on the host."""

import json
import os
import pty
import subprocess
from contextlib import suppress

import pytest

CASES = ["--model", "rnn", "--work", "forward", "--hidden", "8", "--batch", "2", "--length", "4", "--words", "50"]
CASES += ["--implementation", "numpy,fused"]


def test_the_benchmark_leaves_its_results_to_the_user(lab):
    bench = ["lxmls-rnn", "bench", *CASES, "--device", "cpu", "--time", "0.05"]
    output = lab.run(*bench, "--out", "results/container.json").stdout
    assert "cannot be written" not in output
    assert "Matplotlib" not in output  # it warns where its cache cannot be written
    file, picture = (lab.folder / "results" / name for name in ("container.json", "container.png"))
    rows = json.loads(file.read_text())["rows"]
    found = {
        (row["case"]["implementation"], row["case"]["device"]): (row.get("status", "ok"), row.get("device"))
        for row in rows
    }
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


SHORT = "--model rnn --hidden 5 --batch 2 --words 30 --implementation numpy,fused --limit 1e9"


@pytest.fixture(scope="module")
def lab_with_a_gpu(lab, gpu):
    """The lab, running with an emulated GPU, as that of a machine with a card runs with the card."""
    override = lab.folder / "docker-compose.override.yml"  # JSON is YAML
    override.write_text(json.dumps({"services": {"lab": gpu}}))
    lab.up()
    yield lab
    override.unlink()
    lab.up()


def test_make_bench_runs_in_the_container_that_has_the_gpu(lab_with_a_gpu):
    lab, out = lab_with_a_gpu, "results/with-a-gpu.json"
    options = f"{SHORT} --length 4 --work forward,copy --time 0.05 --out {out}"
    output = lab.call("make", "bench", f"ARGS={options}", cwd=lab.folder, env=lab.environ).stdout
    assert "In a container of the lab, which has the GPU" in output
    assert "emulated GPU, compute" in output  # the machine; on a busy one the rows may be uncertain, without a verdict
    rows = json.loads((lab.folder / out).read_text())["rows"]
    assert [row["why"] for row in rows if "why" in row] == []
    assert {(row["case"]["work"], row["case"]["implementation"], row["device"]) for row in rows} == {
        ("forward", "numpy", "cpu"),
        ("forward", "fused", "cpu"),
        ("forward", "fused", "cuda"),
        ("copy", "fused", "cuda"),
    }
    assert {file.stat().st_uid for file in (lab.folder / "results").glob("with-a-gpu*")} == {lab.uid}
    wrong = lab.call("make", "bench", "ARGS=--work sleep", cwd=lab.folder, env=lab.environ, check=False)
    assert wrong.returncode != 0
    assert "work must be one of forward, backward, step, copy" in wrong.stdout


def test_ctrl_c_ends_it_in_the_container_and_keeps_what_was_measured(lab_with_a_gpu):
    lab, out = lab_with_a_gpu, lab_with_a_gpu.folder / "results" / "stopped.json"
    lengths = ",".join(map(str, range(1, 101)))  # for an hour
    options = (
        f"{SHORT} --length {lengths} --time 3 --work forward,backward,step --device cpu --out results/stopped.json"
    )
    command = ["make", "bench", f"ARGS={options}"]
    ours, theirs = pty.openpty()
    places = {"cwd": lab.folder, "env": lab.environ, "start_new_session": True}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, **places) as process:
        os.close(theirs)
        shown = ""
        while not out.exists():
            shown += os.read(ours, 1 << 16).decode(errors="replace")  # the bar, which moves all the time
        os.write(ours, b"\x03")
        with suppress(OSError):  # the terminal ends with the process
            while part := os.read(ours, 1 << 16):
                shown += part.decode(errors="replace")
    os.close(ours)
    assert process.returncode != 0
    rows = json.loads(out.read_text())["rows"]
    assert {row.get("status", "ok") for row in rows} == {"ok", "stopped"}, shown
    assert "Results: /opt/lab/results/stopped.json" in shown
    assert lab.container("--all") == lab.container()  # the benchmark's is gone
