"""The tables of the README's 'How fast', from the medians of a run of these benchmarks."""

from collections.abc import Iterator

WORK = {"forward": "forward", "grads": "cost and all gradients", "step": "one SGD step", "epoch": "an epoch"}
ROWS = [
    "NumpyRNN", "RNN", "FastRNN", "textbook NumPy", "torch.nn.RNN dense", "torch.nn.RNN sparse",
    "NumpyLSTM", "LSTM", "FastLSTM", "torch.nn.LSTM dense", "torch.nn.LSTM sparse",
]  # fmt: skip


def tables(medians: list[tuple[dict, float]]) -> Iterator[str]:
    """Yield the lines of both tables.

    Parameters
    ----------
    medians
        For each benchmark its `extra_info`, with `model`, `work`, `dtype` and for a layer `hidden`, and its median in
        seconds.
    """
    times = {(i["model"], i["work"]): t for i, t in medians if i["dtype"] == "float32" and "hidden" not in i}
    layers = {(i["model"], i["hidden"]): t for i, t in medians if "hidden" in i}
    if times:
        yield "float32, one sentence: microseconds; an epoch of 1000 sentences: milliseconds"
        yield from table(WORK.values(), [(name, [cell(times, name, work) for work in WORK]) for name in ROWS])
        yield "PyTorch's time divided by ours"
        yield from table(WORK.values(), ratios(times, list(WORK), ("dense", "sparse")))
    if layers:
        yield "a layer on 32 sentences of 10 words, by hidden units: PyTorch's time divided by ours"
        hidden = sorted({n for _, n in layers})
        yield from table(hidden, ratios(layers, hidden, ("",)))


def table(head, rows) -> Iterator[str]:
    """Yield a Markdown table without its empty rows."""
    yield "| | " + " | ".join(map(str, head)) + " |"
    yield "|---" * (len(head) + 1) + "|"
    for name, cells in rows:
        if any(cells):
            yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""


def cell(times: dict, name: str, work: str) -> str:
    """Return a time as the README has it, or nothing."""
    if (name, work) not in times:
        return ""
    time = times[name, work] * (1e3 if work == "epoch" else 1e6)
    return f"{time:.1f}" if time < 20 else f"{time:.0f}"


def ratios(times: dict, columns: list, kinds: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield for each family and each kind of PyTorch's gradients how many times our time PyTorch takes."""
    for family in ("RNN", "LSTM"):
        for kind in kinds:
            pairs = [((f"torch.nn.{family} {kind}".strip(), c), (f"Fast{family}", c)) for c in columns]
            cells = [f"{times[a] / times[b]:.2g}" if a in times and b in times else "" for a, b in pairs]
            yield f"Fast{family} {kind}".strip(), cells
