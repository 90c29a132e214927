"""The tables of docs/speed.md, from the medians of a run of these benchmarks."""

from collections.abc import Iterator

WORK = {"forward": "forward", "grads": "cost and all gradients", "step": "one SGD step", "epoch": "an epoch"}
ROWS = {  # the label there: the models whose times stand there
    "`NumpyRNN`": ["NumpyRNN"],
    "`RNN`, with `scan`": ["RNN"],
    "`FastRNN`, in C": ["FastRNN"],
    "a textbook's NumPy: a loop and a dense gradient a step": ["textbook NumPy"],
    "PyTorch, `nn.Embedding` + `nn.RNN`; sparse gradients": ["torch.nn.RNN dense", "torch.nn.RNN sparse"],
    "`NumpyLSTM`": ["NumpyLSTM"],
    "`LSTM`, with `scan`": ["LSTM"],
    "`FastLSTM`, in C": ["FastLSTM"],
    "`NumpyLSTM` without peepholes": ["NumpyLSTM, no peepholes"],
    "`LSTM` without peepholes": ["LSTM, no peepholes"],
    "`FastLSTM` without peepholes": ["FastLSTM, no peepholes"],
    "PyTorch, `nn.Embedding` + `nn.LSTM`; sparse gradients": ["torch.nn.LSTM dense", "torch.nn.LSTM sparse"],
}


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
        rows = [(label, [cell(times, names, work) for work in WORK]) for label, names in ROWS.items()]
        yield from table(WORK.values(), rows)
        yield "PyTorch's time divided by ours"
        yield from table(
            WORK.values(), ratios(times, list(WORK), {"dense": "dense gradients", "sparse": "sparse gradients"})
        )
    if layers:
        yield "a layer on 32 sentences of 10 words, by hidden units: PyTorch's time divided by ours"
        hidden = sorted({n for _, n in layers})
        yield from table(hidden, ratios(layers, hidden, {"": "", "with peepholes": "against one with peepholes"}))


def table(head, rows) -> Iterator[str]:
    """Yield a Markdown table without its empty rows."""
    yield "| | " + " | ".join(map(str, head)) + " |"
    yield "|---" * (len(head) + 1) + "|"
    for name, cells in rows:
        if any(cells):
            yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""


def cell(times: dict, names: list[str], work: str) -> str:
    """Return times as docs/speed.md has them, or nothing."""
    found = [times[name, work] * (1e3 if work == "epoch" else 1e6) for name in names if (name, work) in times]
    return "; ".join(map(short, found))


def short(number: float) -> str:
    """Return two digits, or more before the point."""
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"


def ratios(times: dict, columns: list, kinds: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield for each family and each kind of PyTorch's model, with its label, how many times our time PyTorch takes."""
    for family, ours in (("RNN", "FastRNN"), ("LSTM", "FastLSTM"), ("LSTM", "FastLSTM, no peepholes")):
        for kind, label in kinds.items():
            pairs = [((f"torch.nn.{family} {kind}".strip(), c), (ours, c)) for c in columns]
            cells = [short(times[a] / times[b]) if a in times and b in times else "" for a, b in pairs]
            yield f"`{ours}`" + (f", {label}" if label else ""), cells
