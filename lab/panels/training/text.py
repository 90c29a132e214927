"""What a training does and what its epochs came to, as HTML."""

from __future__ import annotations

from html import escape
from typing import Any

from lab.drawing import html
from lab.panels.training.trainings import Training
from lxmls_rnn.deep_learning.rnn import MODELS

LAST = 100  # epochs in the table


def status(training: Training) -> str:
    """Return as HTML what a training does now."""
    state, parts = training.state, []
    if state in ("reading the corpus", "compiling"):
        parts.append(f"{training.job.seconds:.0f} s")
    if state == "reading the corpus" and training.settings and MODELS[training.settings.model].in_theano:
        parts.append("loading Theano")
    if state == "compiling":
        parts.append("the first time this takes up to a minute")
    if state == "stopping" and training.started and not training.updates:
        parts.append("when the model is compiled")
    if training.started is not None:
        epochs, (epoch, batch) = training.started.epochs, training.position
        if training.job.active:
            parts.append(f"epoch {min(epoch, epochs)} of {epochs}, update {batch} of {training.started.batches}")
        else:
            parts.append(f"{training.done:.4g} of {epochs} epochs")
        if training.words_per_second:
            parts.append(f"{training.words_per_second:,.0f} words/s")
        left = training.seconds_left
        if left is not None and training.job.active:
            parts.append(f"{duration(left)} left")
    return (
        f'<b class="lab-state">{escape(state.capitalize())}</b>: {escape(training.name)}, {", ".join(parts)}'
        f"<br><small>{escape(f'{training.device} {training.job.warned}')}</small>"
    )


def duration(seconds: float) -> str:
    """Return a time in words: 40 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def epochs_table(name: str, rows: list[dict[str, Any]]) -> str:
    """Return the table of a run's epochs, the last one first."""
    if not rows:
        return ""
    header = ["epoch", "cost", "training", "dev", "rate", "seconds", "words/s"]
    body = (
        [row["epoch"], f"{row['cost']:.4f}", f"{row['train_accuracy']:.2%}",
         "" if row["dev_accuracy"] is None else f"{row['dev_accuracy']:.2%}", f"{row['rate']:.4g}",
         f"{row['seconds']:.2f}", f"{row['words_per_second']:,.0f}"]
        for row in reversed(rows[-LAST:])
    )  # fmt: skip
    caption = (
        f"Epochs of {name}: cost, sum over sentences; accuracy on training and dev; learning rate; time and words of "
        "training"
    )
    return html.table(header, body, caption)
