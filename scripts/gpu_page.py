"""A report of gpu_report.py as a page in Markdown, fit for docs/gpu.md. What was not measured is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

UNCERTAIN = 0.3  # of the median: an interquartile range above it marks a time with "~"
LIMITS = "LXMLS_FUSED_UP_TO="  # in the lines of `bench --set plans` that recommend limits


class Table(NamedTuple):
    """How the rows of a benchmark become a table: the ratio of the least time of some columns to that of another."""

    title: str
    ratio: str = ""  # title of the column
    above: tuple[tuple[str, str], ...] = ()  # implementation, and kind of device
    below: tuple[str, str] = ("", "")


PLANS = ("one-kernel", "GPU"), ("stepwise", "GPU")
TABLES = {
    "sizes": Table("A training step, us", "speed-up", (("fused", "CPU"),), ("fused", "GPU")),
    "plans": Table("The two plans, us", "one kernel / stepwise", PLANS[:1], PLANS[1]),
    "weights": Table(
        "Weights on the chip: worth writing from a ratio of 1.5 on, us", "plan / cuDNN", PLANS, ("torch-fused", "GPU")
    ),
    "graphs": Table(
        "CUDA graphs: worth writing from a ratio of 1 on, if the device is idle for half of a step, us",
        "GPU / CPU",
        (("fused", "GPU"),),
        ("fused", "CPU"),
    ),
    "sentences": Table(
        "Several sentences a block: worth writing if the time grows with the batch and the ratio stays below 1, us",
        "one kernel / stepwise",
        PLANS[:1],
        PLANS[1],
    ),
}


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table."""
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]


def benchmark(table: Table, rows: list[dict[str, Any]]) -> list[str]:
    """Return a table of medians, one line for each size; none if nothing was measured on a GPU."""
    medians: dict[tuple[Any, ...], dict[tuple[str, str], float]] = {}
    texts: dict[tuple[Any, ...], dict[tuple[str, str], str]] = {}
    for row in rows:
        case, median = row["case"], row["median"]
        if median:
            size = case["model"], case["n_hidd"], case["batch"], case["length"]
            column = case["implementation"], "CPU" if case["device"] == "cpu" else "GPU"
            mark = "~" if row["q3"] - row["q1"] > UNCERTAIN * median else ""
            medians.setdefault(size, {})[column] = median
            texts.setdefault(size, {})[column] = f"{mark}{median * 1e6:,.0f}"
    columns = list(dict.fromkeys(column for found in medians.values() for column in found))
    if all(device == "CPU" for _, device in columns):
        return []

    def ratio(found: dict[tuple[str, str], float]) -> str:
        above = [found[column] for column in table.above if column in found]
        return f"{min(above) / found[table.below]:.2f}" if above and table.below in found else ""

    lines = [[*size, *(texts[size].get(column, "") for column in columns), ratio(medians[size])] for size in medians]
    head = ["model", "hidden", "batch", "words", *map(", ".join, columns), table.ratio]
    if not any(line[-1] for line in lines):
        head, lines = head[:-1], [line[:-1] for line in lines]
    return ["", f"### {table.title}", "", *markdown(head, lines)]


def training(found: dict[str, Any]) -> list[str]:
    """Return the tables of gpu_trials.py's `training`."""
    rows = [
        (
            model,
            run["device"],
            f"{run['words_per_second']:,.0f}",
            f"{run['accuracy']:.2%}",
            f"{run['loss']:.6g}",
            difference,
        )
        for model, both in found.items()
        for run, difference in zip(both["runs"], (f"{both['difference']:.1e}", ""), strict=True)
    ]
    head = "model", "device", "words/s", "accuracy", "loss of the first epoch", "difference"
    return ["", "### A training", "", *markdown(head, rows)]


def compiling(found: dict[str, Any]) -> list[str]:
    """Return the table of gpu_trials.py's `compiling`."""
    rows = [
        (model, took["kernels"], f"{took['cold'] - took['warm']:.1f}", f"{took['warm']:.1f}")
        for model, took in found.items()
    ]
    head = "model", "kernels", "seconds to compile", "seconds of the same training afterwards"
    return ["", "### Compiling", "", *markdown(head, rows)]


def together(found: dict[str, Any]) -> list[str]:
    """Return the table of gpu_trials.py's `together`."""
    runs = {"alone": [found["alone"]], "two at once": found.get("together", [])}
    rows = [(name, ", ".join(f"{run['words_per_second']:,.0f}" for run in each)) for name, each in runs.items() if each]
    return ["", "### Two trainings on one card", "", *markdown(("trainings", "words/s of each"), rows)]


def copies(found: dict[str, Any]) -> list[str]:
    """Return the table of gpu_trials.py's `copies`."""
    rows = []
    for each in found["copies"]:
        both = [(seconds, each["bytes"] / seconds / 1e9) for seconds in (each["to_gpu"], each["from_gpu"])]
        rows.append([f"{each['bytes']:,}", *(text for s, rate in both for text in (f"{s * 1e6:,.1f}", f"{rate:.2f}"))])
    return ["", "### Copies", "", *markdown(("bytes", "to the GPU, us", "GB/s", "from the GPU, us", "GB/s"), rows)]


TRIALS = {trial.__name__: trial for trial in (training, compiling, together, copies)}


def page(report: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    machine = report["machine"]
    facts = {"driver": machine["driver"], "CUDA": machine["cuda"], "PyTorch": machine["versions"].get("torch", "")}
    known = [f"{name} {value}" for name, value in facts.items() if value]
    lines = [f"## {', '.join(machine['gpus']) or 'No GPU'}", "", f"Measured on {report['created'][:10]} by"]
    lines[-1] += f" `scripts/gpu-kit.sh report` of version {report['version']}, with {', '.join([*known, ''])}"
    lines[-1] += (
        f"{machine['cores']} cores of {machine['processor']}. A time with ~ has quartiles more than 30 % apart."
    )
    steps = [
        (
            step["name"],
            step["status"].replace("waiting", "not run"),
            f"{step['seconds']:.0f} s" if "seconds" in step else "",
            step.get("why", ""),
        )
        for step in report["steps"]
    ]
    lines += ["", *markdown(("step", "result", "took", ""), steps)]
    if report["nvidia_smi"]:
        lines += ["", *(f"    {line}" for line in report["nvidia_smi"])]
    for step in report["steps"]:
        name, results = step["name"], step.get("results")
        if results and name in TABLES:
            lines += benchmark(TABLES[name], results["rows"])
        elif results:
            lines += TRIALS[name](results)
        if name == "plans":
            lines += [line for text in step.get("output", []) if LIMITS in text for line in ("", text.strip())]
    return lines
