"""Run the first steps on a new GPU (docs/gpu.md) within a given time, and write one JSON file and a page about them.

The file holds the machine, and of each step the command, exit status, seconds, last lines of output, and the results
of a measurement. Both are written anew before and after each step, so that an interrupted run leaves complete ones.
Steps come in the order of their value; each has a limit, and what a stopped one has measured is kept. If the first
step, `look`, fails, the report ends there. The exit status is 1 if a step failed, and that of the signal after Ctrl-C
or SIGTERM.
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

import gpu_page

import lxmls_rnn
from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure.machine import describe, versions_of
from lxmls_rnn.device.processor import cores
from lxmls_rnn.storage.files import write_atomically

MAX_LINES = 400  # last lines of a step's output that the report keeps
STOP_SECONDS = 30  # that a step may take to end after a signal
LOOK_SECONDS = 300  # that `look` may take: without it there is no report
SHORTEST = 5  # seconds: with less left, a step is not begun
UNCHECKED = "before first instrumented API call"  # compute-sanitizer's words about a driver that it cannot watch
MARKS = {"ok": "ok     ", "failed": "FAILED ", "skipped": "skipped", "stopped": "stopped", "waiting": "not run"}
MARKS["cut"] = "cut    "
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
ON_DEVICE = Path("tests", "gpu", "on_device")
ASKED = os.environ.get("LXMLS_DEVICE", "cuda")
GPU = ASKED if ASKED.startswith("cuda") else "cuda"
CUDA = {"LXMLS_DEVICE": GPU}
# Without libgpuarray's pool of memory the sanitizer sees each array separately.
SANITIZED = CUDA | {"THEANO_FLAGS": f"{os.environ.get('THEANO_FLAGS', '')},gpuarray.preallocate=-1"}
SANITIZER_TOOLS = ("memcheck", "racecheck", "synccheck")
# Of `lxmls-rnn bench`: the seconds of each in a report of an hour, and its options.
BENCHMARKS = {
    "sizes": (
        660,
        "--work step --model rnn,lstm --hidden 20,128,256 --batch 1,32,64,128 --length 10 --implementation fused"
        " --device cpu,cuda",
    ),
    "plans": (360, "--set plans"),
    "weights": (
        240,
        "--model rnn,lstm-no-peepholes --hidden 128,256,512 --batch 1,32 --length 10,50 --work backward"
        " --implementation one-kernel,stepwise,torch-fused --device cuda",
    ),
    "graphs": (
        200,
        "--model rnn,lstm --hidden 20,64 --batch 1,32 --length 10 --work step --implementation fused,torch-fused"
        " --device cpu,cuda",
    ),
    "sentences": (
        200,
        "--model rnn,lstm --hidden 128,256 --batch 32,64,128,256 --work backward --implementation one-kernel,stepwise"
        " --device cuda",
    ),
}
SMALL = {"--hidden": "5,6", "--batch": "1,2", "--length": "4", "--words": "30", "--time": "0.01"}
TRIALS = {"training": 240, "compiling": 240, "together": 120, "copies": 60}


def find_python(framework: str) -> str | None:
    """Return the first other Python on PATH that can import a framework and NumPy; None if this one has it, or none."""
    if find_spec(framework) is None:
        for python in filter(os.path.exists, (Path(folder, "python3") for folder in os.get_exec_path())):
            with suppress(ValueError):
                if python.parent != Path(sys.prefix, "bin") and versions_of(str(python), framework):
                    return str(python)
    return None


def find_sanitizer() -> list[Path | str]:
    """Return the command of compute-sanitizer: the toolkit's, else its wheel's; empty if there is none."""
    if toolkit := shutil.which("compute-sanitizer", path=f"{os.environ['PATH']}:/usr/local/cuda/bin"):
        return [toolkit]
    nvidia = find_spec("nvidia")
    for folder in nvidia.submodule_search_locations or () if nvidia else ():
        wheel = Path(folder, "cuda_sanitizer_api")
        if (program := wheel / "bin" / "compute-sanitizer").exists():
            program.chmod(0o755)  # which installers of wheels do not set
            return [program, "--injection-path", wheel / "lib"]
    return []


def all_steps(report: Path, torch_python: str | None, total: float, small: bool) -> list[dict[str, Any]]:
    """Return the steps by value, with commands, variables that these get in addition, and limits in seconds."""

    def step(name: str, seconds: float, command: list[Any], **more: Any) -> dict[str, Any]:
        return {"name": name, "command": command, "limit": seconds * total / 3600, **more}

    def bench(name: str) -> dict[str, Any]:
        seconds, text = BENCHMARKS[name]
        options = [GPU if option == "cuda" else option.replace(",cuda", f",{GPU}") for option in text.split()]
        if small:
            options += [text for pair in SMALL.items() for text in pair]
        # half of the time is for compiling
        options += ["--budget", str(max(1, int(seconds * total / 3600 / 2)))]
        options += ["--torch-python", torch_python] if torch_python else []
        out = report.with_name(f"{report.stem}-{name}.json")
        command = [Path(sys.prefix, "bin", "lxmls-rnn"), "bench", *options, "--no-plot", "--out", out]
        return step(name, seconds, command, out=out)

    def trial(name: str) -> dict[str, Any]:
        out = report.with_name(f"{report.stem}-{name}.json")
        command = [
            sys.executable,
            Path("scripts", "gpu_trials.py"),
            name,
            "--out",
            out,
            *(["--small"] if small else []),
        ]
        return step(name, TRIALS[name], command, environ=CUDA, out=out)

    sanitizer = find_sanitizer()
    tests = [Path("tests", "gpu")] if not small else [Path("tests", "gpu", "test_gpu_on_device.py"), "-k", "rows"]
    return [
        {"name": "look", "command": [sys.executable, "-m", "lxmls_rnn.doctor"], "environ": CUDA, "limit": LOOK_SECONDS},
        step("tests", 480, [*PYTEST, *tests], environ={"LXMLS_TEST_DEVICE": GPU}),
        bench("sizes"),
        trial("training"),
        trial("compiling"),
        bench("plans"),
        trial("together"),
        trial("copies"),
        step("threads", 60, [*PYTEST, ON_DEVICE / "threads.py"], environ=CUDA),
        *map(bench, ("weights", "graphs", "sentences")),
        *(
            step(
                tool,
                240,
                [*(sanitizer or ["compute-sanitizer"]), "--tool", tool, "--error-exitcode", "1", *PYTEST]
                + [ON_DEVICE / f"{file}.py" for file in ("layers", "models")],
                environ=SANITIZED,
                why="" if sanitizer else "compute-sanitizer is neither in a CUDA toolkit here nor installed as a wheel",
            )
            for tool in SANITIZER_TOOLS
        ),
    ]


def limit_of(step: dict[str, Any], left: float) -> float:
    """Return the seconds that a step may take if so many are left, with time to stop it; 0 if these are too few."""
    limit = min(step["limit"], left - STOP_SECONDS)
    return limit if limit >= min(SHORTEST, step["limit"]) else 0


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
            step |= {"status": "cut", "why": f"stopped after {limit:.0f} s"}
        elif any(UNCHECKED in line for line in lines):
            step |= {"status": "skipped", "why": "compute-sanitizer sees no call of this driver"}
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
    """Let a measurement fail if it has nothing of the GPU, or a result there is wrong or has crashed."""
    results = step["results"]
    if "rows" not in results:
        differing = [name for name, found in results.items() if isinstance(found, dict) and not found.get("same", True)]
        if differing:
            why = f"other losses than on the CPU: {', '.join(differing)}"
            step |= {"status": "failed", "why": why}
        return
    rows = [row for row in results["rows"] if row["case"]["device"] != "cpu"]
    counts = Counter(row["status"] for row in rows)
    found = "on the GPU: " + (", ".join(f"{n} {status}" for status, n in counts.items()) or "no cases")
    status = f"exit status {step['exit_status']}" if step.get("exit_status") else ""
    step["why"] = "; ".join(filter(None, [step.get("why") or status, found]))
    if counts["wrong"] or counts["crashed"] or (step["status"] == "ok" and not counts["ok"]):
        step["status"] = "failed"


def nvidia_smi() -> list[str]:
    """Return what nvidia-smi says about the GPUs, without their serial numbers; nothing if it fails."""
    fields = "name,driver_version,vbios_version,memory.total,compute_mode,mig.mode.current,power.limit"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv"]
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    return []


def duration(text: str) -> float:
    """Return the seconds of a text such as 60m, 90s, 2h."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"expected a duration such as 60m, 90s or 2h, got {text!r}")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


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
    parser.add_argument(
        "--total", type=duration, default="60m", help="the time of all steps: 60m, the default, 90s, 2h"
    )
    parser.add_argument("--out", type=Path, help="the file, beside the page; by default results/gpu-report-TIME.json")
    parser.add_argument("--steps", help="only these, with commas between them: look,tests,sizes")
    parser.add_argument("--small", action="store_true", help="small sizes, to try the report on the emulated device")
    parser.add_argument("--torch-python", help="a Python that has PyTorch; by default the first one on PATH")
    chosen = parser.parse_args(arguments)
    begun, now = monotonic(), datetime.now().astimezone()
    path = (chosen.out or paths.results() / f"gpu-report-{now:%Y%m%d-%H%M%S}.json").absolute()
    python = chosen.torch_python or find_python("torch")
    python = os.path.abspath(python) if python and os.sep in python else python
    os.chdir(Path(__file__).parents[1])

    steps = all_steps(path, python, chosen.total, chosen.small)
    names = [step["name"] for step in steps]
    wanted = chosen.steps.split(",") if chosen.steps else names
    if not set(wanted) <= set(names):
        parser.error(f"--steps takes {', '.join(names)}, got {chosen.steps}")
    steps = [{"status": "waiting", **step} for step in steps if step["name"] in wanted]
    report: dict[str, Any] = {"text": [], "created": now.isoformat(timespec="seconds"), "steps": steps}
    try:
        report |= {"version": lxmls_rnn.__version__, "machine": describe(cores(), python)}
    except ValueError as error:
        parser.error(str(error))
    report["nvidia_smi"] = nvidia_smi()

    def save() -> None:
        report["text"] = as_text(report)
        write_atomically(path, json.dumps(report, indent=1, default=str) + "\n")
        write_atomically(path.with_suffix(".md"), "\n".join(gpu_page.page(report)) + "\n")

    def interrupt(number: int, _: Any) -> None:
        received.append(number)
        raise KeyboardInterrupt

    try:
        save()
    except OSError as error:
        parser.error(str(error))
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        for step in steps:
            limit = limit_of(step, chosen.total - (monotonic() - begun))
            if not limit:
                step["why"] = step.get("why") or "no time is left"
            step["status"] = "skipped" if step.get("why") else "stopped"  # until it ends
            save()
            if step["status"] == "skipped":
                continue
            print(f"\n== {step['name']}: {' '.join(map(str, step['command']))}", flush=True)
            run(step, limit)
            if step["name"] == "look" and step["status"] != "ok":  # the other steps need the GPU
                step["why"] = fault("\n".join(step["output"])) or step.get("why", "")
                break
    except KeyboardInterrupt:
        print("\nStopped; the report has what was done.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    save()
    print("", *report["text"], f"Report: {path}", f"Page: {path.with_suffix('.md')}", sep="\n")
    return 128 + received[0] if received else int(any(step["status"] == "failed" for step in steps))


if __name__ == "__main__":
    sys.exit(main())
