"""The grid of a sweep: varied settings and their values, such as `name=a,b` or `name=log:lo:hi:n`."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lxmls_rnn.experiment import SETTINGS

VARIED = {name: setting for name, setting in SETTINGS.items() if name != "dev"}  # the settings that can be
FILES = [name for name, setting in VARIED.items() if setting.is_file]
MAX_TRAININGS = 100_000  # of a sweep; listing more would take too much time and memory

Point = dict[str, Any]  # a value for each varied setting


def parse_vary(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Parse the varied settings; return the list of values by name.

    Parameters
    ----------
    texts
        Each `name=values`: values separated by commas, and ranges `log:lo:hi:n` or `lin:lo:hi:n` of n values from lo
        to hi, evenly spaced on a logarithmic or linear scale, rounded to four significant digits. `none` is allowed for
        a setting that may be left out.

    Raises
    ------
    ValueError
        `train` has no such setting, a value has the wrong type, a name or value occurs twice, or a range has more
        values than `MAX_TRAININGS`.
    """
    varied: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, written = text.partition("=")
        name = name.strip().replace("-", "_")
        if name == "dev":
            raise ValueError("dev cannot be varied: vary the corpus instead, whose name also selects the dev part")
        if not equals or name not in VARIED:
            raise ValueError(f"--vary must be name=values with a name among {', '.join(VARIED)}, got {text!r}")
        if name in varied:
            raise ValueError(f"{name} is varied twice: give all its values at once")
        values = [value for piece in written.split(",") for value in _values(name, piece.strip())]
        seen = set()
        for value in values:
            if value in seen:
                raise ValueError(f"{name} has the value {value} twice")
            seen.add(value)
        varied[name] = values
    return varied


def _values(name: str, piece: str) -> list[Any]:
    kind, _, ends = piece.partition(":")
    if kind not in ("log", "lin") or not ends:
        return [VARIED[name].parse(piece)]
    number = VARIED[name].kind
    try:
        low, high, count = (part(text) for part, text in zip((float, float, int), ends.split(":"), strict=True))
        if not (math.isfinite(low) and math.isfinite(high) and count >= 1 and (kind == "lin" or min(low, high) > 0)):
            raise ValueError
        if number not in (int, float):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{name}={piece} is not a valid range: expected {kind}:lo:hi:n for a numeric setting, with "
            f"{'positive lo and hi and ' if kind == 'log' else ''}n at least 1"
        ) from None
    check_count(count, f"{name}={piece}")
    spaced = np.geomspace(low, high, count) if kind == "log" else np.linspace(low, high, count)
    if number is int:
        return list(dict.fromkeys(round(value) for value in spaced.tolist()))
    return [float(f"{value:.4g}") for value in spaced]


def check_count(trainings: int, what: str) -> None:
    """Raise ValueError if `trainings` exceeds `MAX_TRAININGS`; `what` is the subject of the message."""
    if trainings > MAX_TRAININGS:
        raise ValueError(
            f"{what} asks for {trainings:,} trainings, and a sweep has at most {MAX_TRAININGS:,}: "
            "vary fewer values, take fewer seeds, or train a --sample of the settings"
        )


def count(vary: Mapping[str, Sequence[Any]], sample: int | None = None) -> int:
    """Return the number of points that `points` yields, without listing them."""
    size = math.prod(len(values) for values in vary.values())
    return size if sample is None else min(sample, size)


def points(vary: Mapping[str, Sequence[Any]], sample: int | None = None) -> Iterator[Point]:
    """Yield the points of the grid, varying the last setting fastest; with `sample`, that many points at random.

    The random numbers are always the same, so a larger sample includes every smaller one.
    """
    size = math.prod(len(values) for values in vary.values())
    numbers: Iterable[int] = range(size)
    if sample is not None and sample < size:
        draw, drawn = random.Random(0), dict[int, None]()
        while len(drawn) < sample:
            drawn[draw.randrange(size)] = None
        numbers = drawn
    for number in numbers:
        point = {}
        for name, values in reversed(list(vary.items())):
            number, place = divmod(number, len(values))
            point[name] = values[place]
        yield {name: point[name] for name in vary}
