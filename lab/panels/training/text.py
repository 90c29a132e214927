"""Descriptions of a training and tables of its epochs, as HTML."""

from datetime import timedelta
from html import escape

from lab.drawing import html
from lab.panels.training.job import TrainingJob
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.frameworks import NUMPY
from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.runs import Run
from lxmls_rnn.storage.messages import counted

MAX_ROWS = 100  # of the table of epochs


def status(job: TrainingJob) -> str:
    """Return the status of a training as HTML."""
    stage, parts = job.stage, [escape(job.name)]
    if stage in ("reading the corpus", "compiling"):
        parts.append(f"{job.seconds:.0f} s")
    framework = MODELS[job.settings.model].framework if job.settings else NUMPY
    if stage == "reading the corpus" and framework is not NUMPY:
        parts.append(f"loading {framework.name}")
    if stage == "compiling":
        parts.append(f"the first time this takes {framework.compile_time}")
    if stage == "stopping" and job.started and not job.updates:
        parts.append("as soon as the model is compiled")
    if job.started is not None:
        epochs, (epoch, batch) = job.started.epochs, job.position
        if job.active:
            parts.append(f"epoch {min(epoch, epochs)} of {epochs}, update {batch} of {job.started.batches}")
        else:
            parts.append(f"{job.done:.4g} of {counted(epochs, 'epoch')}")
        if job.words_per_second:
            parts.append(f"{job.words_per_second:,.0f} words/s")
        left = job.seconds_left
        if left is not None and job.active:
            parts.append(f"{timedelta(seconds=round(left))} left")
    return (
        f'<b class="lab-state">{escape(stage.capitalize())}</b>: {", ".join(parts)}'
        f"<br><small>{html.linked(f'{job.device} {job.warning_text}')}</small>"
    )


def ended(job: TrainingJob) -> str:
    """Return a message about a training that has ended without an error."""
    kept = f"{job.name} is saved in {job.path}"
    if job.state == "stopped":
        return f"Stopped. {kept}; press Resume to continue. {job.warning_text}"
    return f"{job.reason().capitalize()}. {kept}. {job.warning_text}"


def on_disk(run: Run, rows: list[Metrics]) -> str:
    """Return the status of a run that is not trained by this kernel as HTML."""
    trained = f"{len(rows)} of {counted(run.settings.trainer.epochs, 'epoch')}"
    description = f"{run.settings.model_in_words}, {trained}, in {run.folder}"
    return f"<b>On disk</b>: {escape(description)}"


def epochs_table(name: str, rows: list[Metrics]) -> str:
    """Return the table of a run's epochs as HTML, latest first."""
    if not rows:
        return ""
    header = ["epoch", "cost", "training", "dev", "rate", "seconds", "words/s"]
    measured_norms = any(row.gradient_norm is not None for row in rows)
    header += ["gradient"] if measured_norms else []
    body = []
    for row in reversed(rows[-MAX_ROWS:]):
        dev = "" if row.dev_accuracy is None else f"{row.dev_accuracy:.2%}"
        measured = [row.epoch, f"{row.cost:.4f}", f"{row.train_accuracy:.2%}", dev]
        body.append([*measured, f"{row.rate:.4g}", f"{row.seconds:.2f}", f"{row.words_per_second:,.0f}"])
        if measured_norms:
            body[-1].append("" if row.gradient_norm is None else f"{row.gradient_norm:.3g}")
    measures = "cost (summed over sentences), accuracy on training and dev, learning rate, time, training speed"
    norms = ", largest norm of the gradient" if measured_norms else ""
    return html.table(header, body, f"Epochs of {name}: {measures}{norms}")
