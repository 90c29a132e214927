"""Results of a sweep as a table and sentences."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from lxmls_rnn.experiment import CHANGE_DEV
from lxmls_rnn.settings import short_text
from lxmls_rnn.sweep.results import Result, SettingResults, on_test
from lxmls_rnn.sweep.sweep import Sweep


def header(sweep: Sweep) -> list[str]:
    """Return the column names of `lines`."""
    return [*sweep.vary, "seeds", "dev", "sd", "epochs done" if "epochs" in sweep.vary else "epochs", ""]


def lines(settings: Sequence[SettingResults]) -> list[list[str]]:
    """Return a line for each setting: values, seeds done, mean and deviation on dev, epochs, unfinished trainings."""
    shown = []
    for setting in settings:
        seeds, values = f"{len(setting.accuracies)}/{len(setting.results)}", map(short_text, setting.point.values())
        figures = percent(setting.mean), percent(setting.deviation), str(setting.epochs)
        shown.append([*values, seeds, *figures, unfinished_in_words(setting.results)])
    return shown


def percent(share: float | None) -> str:
    """Return a share as a percentage, a dash for None."""
    return "-" if share is None else f"{share:.2%}"


def unfinished_in_words(results: Sequence[Result]) -> str:
    """Count the trainings that are not done, by state."""
    counts = Counter(result.state for result in results if result.state != "done")
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def notes(sweep: Sweep, results: Sequence[Result]) -> list[str]:
    """Return a line for each varied setting that changes dev, and for each failed, diverged or damaged training."""
    return [
        *(
            f"{name} changes dev and the test part, too: its values are measured on different sentences or tags"
            for name in CHANGE_DEV
            if name in sweep.vary
        ),
        *(f"{result.training.name} {result.state}: {result.why}" for result in results if result.why),
    ]


def verdict(sweep: Sweep, setting: SettingResults) -> str:
    """Return sentences with the chosen setting and its accuracy on the test part, or why this cannot be measured."""
    says, why = f"Chosen on dev: {in_words(setting)}.", "there is none"
    try:
        test = on_test(sweep, setting)
    except ValueError as error:  # such as words or tags that the models do not know
        test, why = [], str(error)
    if not test:
        return f"{says} The test part is not measured: {why}."
    return f"{says} On the test part, measured for this setting alone: {spread(test)}."


def in_words(setting: SettingResults) -> str:
    """Return the values of a setting and its accuracy on dev as text."""
    values = ", ".join(f"{name}={short_text(value)}" for name, value in setting.point.items()) or "the only setting"
    return f"{values} with {spread(setting.accuracies)}"


def spread(accuracies: Sequence[float]) -> str:
    """Return mean, standard deviation and number of accuracies as text."""
    deviation = f" ± {statistics.stdev(accuracies):.2%}" if len(accuracies) > 1 else ""
    return f"{statistics.fmean(accuracies):.2%}{deviation} ({len(accuracies)} seed{'s' if len(accuracies) > 1 else ''})"


def seconds_left(results: Collection[Result], seconds: Mapping[str, float], workers: int) -> float | None:
    """Estimate the seconds left, from the mean time of finished trainings of each setting; None before one is done.

    `seconds` are the times that trainings took, by the names of their runs.
    """
    if not seconds:
        return None
    of_setting: dict[str, list[float]] = {}
    for result in results:
        if result.training.name in seconds:
            of_setting.setdefault(repr(result.training.point), []).append(seconds[result.training.name])
    mean = statistics.fmean(seconds.values())
    left = [
        statistics.fmean(of_setting.get(repr(result.training.point), [mean]))
        for result in results
        if not result.is_over
    ]
    return sum(left) / max(1, workers)
