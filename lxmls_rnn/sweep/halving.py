"""Schedule of a sweep's trainings: all epochs for each, or successive halving.

Successive halving (Jamieson & Talwalkar 2016) trains every point of the grid for a few epochs, gives up the half that
is worse on dev, trains the others twice as long, and so on. The decisions depend only on the metrics of the epochs, so
a resumed sweep decides in the same way.
"""

from __future__ import annotations

from dataclasses import replace

from lxmls_rnn.sweep.results import Result, by_setting, read
from lxmls_rnn.sweep.sweep import Sweep


def rungs(points: int, epochs: int) -> list[int]:
    """Return the epochs after which the worse half of the points is given up, and finally the full number."""
    halvings = min(points, epochs).bit_length() - 1
    return sorted({max(1, epochs >> halving) for halving in range(halvings + 1)})


def results(sweep: Sweep) -> list[Result]:
    """Return the results so far of all trainings, in the order of `Sweep.trainings`."""
    return [result for result, _ in with_epochs(sweep)]


def with_epochs(sweep: Sweep) -> list[tuple[Result, int]]:
    """Return the result so far of each training, and the number of epochs to train it to next (0: nothing to do)."""
    trainings = list(sweep.trainings())
    if not sweep.halving:
        results = [read(sweep, training) for training in trainings]
        return [(result, _wanted(result, result.training.settings.trainer.epochs)) for result in results]
    over: dict[str, Result] = {}
    rows: list[Result] = []
    for rung in rungs(len(sweep.points()), sweep.base.trainer.epochs):
        rows = [read(sweep, training, rung) for training in trainings if training.name not in over]
        if any(_wanted(result, rung) for result in rows):
            break
        if rung < sweep.base.trainer.epochs:
            settings = by_setting(rows)
            for setting in settings[(len(settings) + 1) // 2 :]:
                over |= {result.training.name: _as_given_up(result) for result in setting.results}
    current = {result.training.name: (result, _wanted(result, rung)) for result in rows}
    return [(over[t.name], 0) if t.name in over else current[t.name] for t in trainings]


def _wanted(result: Result, epochs: int) -> int:
    return 0 if result.is_over else epochs


def _as_given_up(result: Result) -> Result:
    return replace(result, state="given up") if result.state == "done" else result
