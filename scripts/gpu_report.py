"""Run the first steps on a new GPU (docs/gpu.md) and write one JSON file about them, to be sent back.

The file holds the machine, and of each step the command, exit status, seconds, last lines of output, and the results
file of a benchmark. It is written anew before and after each step, so that an interrupted run leaves a complete file.
If the first step, `look`, fails, the report ends there. The exit status is 1 if a step failed, and that of the signal
after Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from contextlib import suppress
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import lxmls_rnn
from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure.machine import PEER_NAMES, describe, versions_of
from lxmls_rnn.device.processor import cores
from lxmls_rnn.storage.files import write_atomically

MAX_LINES = 400  # last lines of a step's output that the report keeps
STOP_SECONDS = 60  # that a step may take to end after a signal
MARKS = {"ok": "ok     ", "failed": "FAILED ", "skipped": "skipped", "stopped": "stopped", "waiting": "not run"}
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
ON_DEVICE = Path("tests", "gpu", "on_device")
ASKED = os.environ.get("LXMLS_DEVICE", "cuda")
GPU = ASKED if ASKED.startswith("cuda") else "cuda"
CUDA = {"LXMLS_DEVICE": GPU}
# Without libgpuarray's pool of memory the sanitizer sees each array separately.
SANITIZED = CUDA | {"THEANO_FLAGS": f"{os.environ.get('THEANO_FLAGS', '')},gpuarray.preallocate=-1"}
SANITIZER_TOOLS = ("memcheck", "racecheck", "synccheck")


def find_python(framework: str) -> str | None:
    """Return the first other Python on PATH that can import a framework and NumPy; None if this one has it, or none."""
    if find_spec(framework) is None:
        for python in filter(os.path.exists, (Path(folder, "python3") for folder in os.get_exec_path())):
            with suppress(ValueError):
                if python.parent != Path(sys.prefix, "bin") and versions_of(str(python), framework):
                    return str(python)
    return None


def all_steps(report: Path, pythons: dict[str, str | None], budget: int) -> list[dict[str, Any]]:
    """Return the steps with their commands and the variables that these get in addition."""

    def bench(name: str, *options: str) -> dict[str, Any]:
        out = report.with_name(f"{report.stem}-{name}.json")
        command = [Path(sys.prefix, "bin", "lxmls-rnn"), "bench", *options, "--no-plot", "--out", out]
        return {"name": name, "command": command, "out": out}

    sanitizer = shutil.which("compute-sanitizer", path=f"{os.environ['PATH']}:/usr/local/cuda/bin")
    peers = [text for name, python in pythons.items() if python for text in (f"--{name}-python", python)]
    return [
        {"name": "look", "command": [sys.executable, "-m", "lxmls_rnn.doctor"], "environ": CUDA},
        {"name": "tests", "command": [*PYTEST, Path("tests", "gpu")], "environ": {"LXMLS_TEST_DEVICE": GPU}},
        {"name": "threads", "command": [*PYTEST, ON_DEVICE / "threads.py"], "environ": CUDA},
        bench("bench", "--budget", str(budget), *peers),
        bench("plans", "--set", "plans"),
        *(
            {
                "name": tool,
                "command": [sanitizer or "compute-sanitizer", "--tool", tool, "--error-exitcode", "1", *PYTEST]
                + [ON_DEVICE / f"{file}.py" for file in ("layers", "models")],
                "environ": SANITIZED,
                "why": "" if sanitizer else "compute-sanitizer, which is part of the CUDA toolkit, is not found",
            }
            for tool in SANITIZER_TOOLS
        ),
    ]


def run(step: dict[str, Any], limit: float) -> None:
    """Run a step's command in a process group of its own, show its output, and add the results to the step."""
    start = monotonic()
    lines: deque[str] = deque(maxlen=MAX_LINES)
    # Python's output comes line by line, so that a killed command's last lines are there, too.
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", **step.pop("environ", {})}
    if (out := step.pop("out", None)) is not None:
        out.unlink(missing_ok=True)  # of an earlier report with the same name
    try:
        process = subprocess.Popen(
            step["command"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        step |= {"status": "failed", "why": str(error)}
        return

    def end(number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def read(seconds: float) -> None:
        """Interrupt the command after so long, as Ctrl-C does: a benchmark then ends its workers; kill it later."""
        timers = [
            threading.Timer(seconds, end, [signal.SIGINT]),
            threading.Timer(seconds + STOP_SECONDS, end, [signal.SIGKILL]),
        ]
        for timer in timers:
            timer.start()
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                print(line, end="", flush=True)
            step["exit_status"] = process.wait()
        finally:
            for timer in timers:
                timer.cancel()

    try:
        read(limit)
        step["status"] = "failed" if step["exit_status"] else "ok"
        if step["exit_status"] and monotonic() - start >= limit:
            step["why"] = f"stopped after {limit:.0f} s"
    except KeyboardInterrupt:
        read(0)
        raise
    finally:
        end(signal.SIGKILL)  # what the command has started and left
        step |= {"seconds": round(monotonic() - start, 1), "output": list(lines)}
        if out is not None and out.exists():
            try:
                step["results"] = json.loads(out.read_text(encoding="utf-8"))
                judge(step)
            except (ValueError, KeyError) as error:
                step |= {"status": "failed", "why": f"{out}: {error!r}"}


def fault(screen: str) -> str:
    """Return the first fault on the doctor's screen as one line; an empty string if it names none."""
    found = re.search(r"^!! .*?(?=^(?:ok|!!|--) |\Z)", screen, re.MULTILINE | re.DOTALL)
    return " ".join(found[0].split()[1:]) if found else ""


def judge(step: dict[str, Any]) -> None:
    """Let a benchmark fail if it has measured nothing on the GPU, or a result there is wrong or has crashed."""
    rows = [row for row in step["results"]["rows"] if row["case"]["device"] != "cpu"]
    counts = Counter(row["status"] for row in rows)
    found = "on the GPU: " + (", ".join(f"{n} {status}" for status, n in counts.items()) or "no cases")
    status = f"exit status {step['exit_status']}" if step.get("exit_status") else ""
    step["why"] = "; ".join(filter(None, [step.get("why") or status, found]))
    if step["status"] == "ok" and (not counts["ok"] or counts["wrong"] or counts["crashed"]):
        step["status"] = "failed"


def nvidia_smi() -> list[str]:
    """Return what nvidia-smi says about the GPUs, without their serial numbers."""
    fields = "name,driver_version,vbios_version,memory.total,compute_mode,mig.mode.current,power.limit"
    try:
        command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired) as error:
        return [str(error)]


def as_text(report: dict[str, Any]) -> list[str]:
    """Return a summary of a report, a line for each step."""
    machine = report["machine"]
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    lines = [f"{gpus}; driver {machine['driver'] or 'unknown'}, CUDA {machine['cuda'] or 'unknown'}"]
    for step in report["steps"]:
        seconds = f"{step['seconds']:.0f} s" if "seconds" in step else ""
        why = step.get("why") or (f"exit status {step['exit_status']}" if step.get("exit_status") else "")
        lines.append(f"{MARKS[step['status']]} {step['name']:10} {seconds:>7}  {why}".rstrip())
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run the steps and write the report."""
    parser = argparse.ArgumentParser(prog="scripts/gpu-kit.sh report", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="the file; by default results/gpu-report-TIME.json")
    parser.add_argument("--steps", help="only these, with commas between them: look,tests,bench")
    parser.add_argument("--budget", type=int, default=115, help="seconds of the benchmark, without compiling")
    parser.add_argument("--limit", type=float, default=3600, help="seconds that a step may take")
    for name, title in PEER_NAMES.items():
        parser.add_argument(f"--{name}-python", help=f"a Python that has {title}; by default the first one on PATH")
    chosen = parser.parse_args(arguments)
    now = datetime.now().astimezone()
    path = (chosen.out or paths.results() / f"gpu-report-{now:%Y%m%d-%H%M%S}.json").absolute()
    given = {name: vars(chosen)[f"{name}_python"] for name in PEER_NAMES}
    given |= {name: os.path.abspath(python) for name, python in given.items() if python and os.sep in python}
    pythons = {name: python or find_python(name) for name, python in given.items()}
    os.chdir(Path(__file__).parents[1])

    steps = all_steps(path, pythons, chosen.budget)
    names = [step["name"] for step in steps]
    wanted = chosen.steps.split(",") if chosen.steps else names
    if not set(wanted) <= set(names):
        parser.error(f"--steps takes {', '.join(names)}, got {chosen.steps}")
    steps = [{"status": "waiting", **step} for step in steps if step["name"] in wanted]
    report: dict[str, Any] = {"text": [], "created": now.isoformat(timespec="seconds"), "steps": steps}
    try:
        report |= {"version": lxmls_rnn.__version__, "machine": describe(cores(), *pythons.values())}
    except ValueError as error:
        parser.error(str(error))
    report["nvidia_smi"] = nvidia_smi()

    def save() -> None:
        report["text"] = as_text(report)
        write_atomically(path, json.dumps(report, indent=1, default=str) + "\n")

    def interrupt(number: int, _: Any) -> None:
        received.append(number)
        raise KeyboardInterrupt

    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        for step in steps:
            step["status"] = "skipped" if step.get("why") else "stopped"  # until it ends
            save()
            if step["status"] == "skipped":
                continue
            print(f"\n== {step['name']}: {' '.join(map(str, step['command']))}", flush=True)
            run(step, chosen.limit)
            if step["name"] == "look" and step["status"] == "failed":  # the other steps need the GPU
                step["why"] = fault("\n".join(step["output"])) or step.get("why", "")
                break
    except KeyboardInterrupt:
        print("\nStopped; the report has what was done.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    save()
    print("", *report["text"], f"Report: {path}", sep="\n")
    return 128 + received[0] if received else int(any(step["status"] == "failed" for step in steps))


if __name__ == "__main__":
    sys.exit(main())
