"""Benchmark panel: time models in NumPy, Theano and PyTorch, on CPU and GPU."""

from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, key, put_chart
from lab.drawing.looks import ColumnBox
from lab.runtime.job import JobList, SavedJob
from lab.widgets.controls import (
    Controls,
    dropdown,
    in_row,
    on_change,
    progress_bar,
    set_options,
    settings_code,
    show,
    view,
)
from lab.widgets.panel import controls
from lab.widgets.runs_panel import JobPanel
from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure import cases as c
from lxmls_rnn.benchmark.measure import results
from lxmls_rnn.benchmark.measure.benchmark_settings import BenchmarkSettings
from lxmls_rnn.benchmark.measure.machine import installed_version, processor_and_gpus
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.benchmark.measure.session import Session
from lxmls_rnn.benchmark.show import compare, report, summary
from lxmls_rnn.benchmark.show.series import SIZE_LABELS, SpeedUps, speed_ups, times
from lxmls_rnn.device.libraries import cards
from lxmls_rnn.device.processor import cores
from lxmls_rnn.settings import settings_of
from lxmls_rnn.storage.messages import counted

OWN_SIZES = "own sizes"
MAX_THREADS = 1024
SIZES, LIMITS = ("hidden", "batch", "length"), ("threads", "time")
CHECKBOXES = "model", "implementation", "device", "work", "dtype"
SHOWN = "set", *SIZES, *CHECKBOXES, *LIMITS  # the settings that have a control
WIDTHS = {"threads": "15em", "time": "16em"}


class BenchmarkJob(SavedJob):
    """A benchmark that this kernel runs."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.path, session.run, lambda row: None)
        self.session = session

    @property
    def n_measured(self) -> int:
        """Number of measured cases."""
        return sum(row.median is not None for row in self.session.results.rows)

    def stop(self) -> None:
        """Stop at once; keep the measured cases."""
        self.session.runner.stop()


benchmark_jobs = JobList[BenchmarkJob]("benchmark")


class BenchmarkPanel(JobPanel[BenchmarkJob]):
    """Time models, plot the results, compare them with earlier ones."""

    jobs = benchmark_jobs
    title = "Benchmark"
    help = """Choose what to time and press <b>Run</b>: the table and the plots grow during the run. Each implementation
    runs in its own process on its device. Its results are compared with NumPy's before it is timed. Implementations
    with the same work take turns, so that a slow moment of the machine affects all of them. You see the <b>median</b>
    and the <b>quartiles</b> of repeats in three processes: differences smaller than the distance of the quartiles mean
    nothing. A row is uncertain (?), and is timed again, until it has six repeats in three processes, if it waited for a
    core or did not compute all the time (the machine is busy), or if its quartiles differ by more than 30 %.
    <b>CPU</b> is its processor time divided by the elapsed time, 100 % for each thread. An unavailable device is listed
    with the reason. Results are saved. <b>Load</b> shows stored results, and <b>Compare</b> compares them with those
    below."""

    def __init__(self) -> None:
        self.shown: Results | None = None  # None at first
        self.benchmark: BenchmarkJob | None = None  # the last one that was started here, or runs already
        self._turns_drawn = -1
        self._make_choice()
        self._make_views()
        super().__init__(
            self.choice.row("set", *SIZES),
            *(self.choice[name] for name in CHECKBOXES),
            self.choice.row(*LIMITS),
            in_row(self.run_button, self.stop_button, self.progress, self.status),
            in_row(self.earlier, self.load_button, self.compare_button, self.refresh_button),
            self.comparison,
            self.views,
        )
        on_change(self._count, *controls(*(self.choice[name] for name in SHOWN)))
        on_change(self._draw, self.baseline, self.plotted)
        for running in self.jobs.active(self.root())[:1]:
            self._attach(running)
        self.follow()
        self._count()

    def _make_choice(self) -> None:
        described = settings_of(BenchmarkSettings)
        shown = {name: described[name] for name in SHOWN}
        shown["set"] = replace(shown["set"], help="Your own sizes, or a predefined set of lxmls-rnn bench")
        peers = ["torch-fused"] if installed_version("torch") else []
        initial = {
            "hidden": (20, 64),
            "batch": (1, 16),
            "length": (10,),
            "model": ["rnn"],
            "implementation": ["numpy", "scan", "fused", *peers],
            "device": ["cpu", "cuda"] if cards() else ["cpu"],
            "work": ["backward"],
            "threads": cores(),
        }
        self.choice = Controls(shown, initial, WIDTHS)
        self.choice["threads"].limit(MAX_THREADS)
        set_options(self.choice["set"], [OWN_SIZES, *c.SETS], OWN_SIZES)
        self.run_button = self.button("Run", "Run the chosen benchmark", self.run, "primary")
        tooltip = "Stop the benchmark and keep the cases already measured"
        self.stop_button = self.button("Stop", tooltip, self.stop, icon="stop", disabled=True)
        self.progress, self.status = progress_bar("14em"), view("benchmark-status")
        self.earlier = dropdown("Stored results", [], "Your earlier results", width="30em")
        self.load_button = self.button("Load", "Show the chosen results", self.load)
        tooltip = "Show which cases are faster or slower in the results below than in the chosen ones"
        self.compare_button = self.button("Compare", tooltip, self.compare)
        self.refresh_button = self.button("Refresh", "Reload the list of results", self.refresh)

    def _make_views(self) -> None:
        self.comparison, self.machine = view("benchmark-comparison"), view()
        tooltip = "Speed-ups are relative to this implementation; 2 means twice as fast"
        self.baseline = dropdown("Baseline", c.IMPLEMENTATIONS, tooltip, "numpy")
        self.plotted = dropdown("Plot", [], "The model and work to plot", width="21em")
        self.table, self.key, self.gpu, self.notes = view("benchmark-table"), view(), view(), view()
        small = {"font-size": "13px"}
        self.figures = {size: figure(size=(380, 300), top=34, title_style=small) for size in SIZE_LABELS}
        chosen, self.drawn = in_row(self.baseline, self.plotted), in_row()
        self.views = ColumnBox([self.machine, chosen, self.table, self.key, self.drawn, self.gpu, self.notes])
        for hidden in (self.progress, self.views):
            show(hidden, False)

    def settings(self) -> BenchmarkSettings:
        """Return the chosen settings; ValueError if one is invalid."""
        unused = ["set"] if self.choice["set"].value == OWN_SIZES else SIZES
        return BenchmarkSettings(**{name: self.choice.value_of(name) for name in SHOWN if name not in unused})

    def _count(self) -> None:
        for name in SIZES:
            self.choice[name].disabled = self.choice["set"].value != OWN_SIZES
        if self.working:
            return
        try:
            self.status.value = counted(len(self.settings().cases()), "case")
        except ValueError as error:
            self.status.value = f"<i>{escape(str(error))}</i>"

    @property
    def working(self) -> bool:
        """Whether the benchmark runs."""
        return self.benchmark is not None and self.benchmark.active

    def run(self) -> None:
        if self.jobs.active(self.root()):  # two at once would disturb each other
            raise RuntimeError("a benchmark is running: wait until it ends, or stop it")
        settings, path = self.settings(), results.new_path(self.root())
        job = BenchmarkJob(Session(settings.cases(), settings.runner(), path, ["BenchmarkPanel"]))
        self._attach(job)
        self.jobs.start(job)
        self.show_job(job)

    def _attach(self, benchmark: BenchmarkJob) -> None:
        """Show a benchmark, and report its end."""
        self.benchmark = self._awaited = benchmark
        self.shown, self._turns_drawn = benchmark.session.results, -1
        self.comparison.value = ""
        show(self.views)

    def root(self) -> Path:
        return paths.results()

    def current(self) -> BenchmarkJob | None:
        return self.benchmark

    def show_job(self, job: BenchmarkJob) -> None:
        if job is not self.benchmark:
            return
        session, n_cases = job.session, len(job.session.cases)
        self.run_button.disabled = self.load_button.disabled = job.active
        self.stop_button.disabled = not job.active
        show(self.progress, job.active)
        self.progress.value = session.share
        n, state = job.n_measured, f", {session.runner.activity}" if job.active else " measured"
        self.status.value = f"{n} of {n_cases} cases{state}, {job.seconds:.0f} s"
        if session.n_turns != self._turns_drawn:
            self._turns_drawn = session.n_turns
            self._draw()

    def ended(self, job: BenchmarkJob) -> str:
        kept = f"saved in {job.path}" if job.session.saved else "nothing is saved"
        measured = f"{job.n_measured} of {len(job.session.cases)} cases measured"
        return f"{'Stopped' if job.session.runner.stopping else 'Done'}: {measured}; {kept}."

    def stop(self) -> None:
        super().stop()
        self.show_message("Stopping …")

    def refresh(self) -> None:
        set_options(self.earlier, [(path.stem, path) for path in results.saved(self.root())])
        self._draw()
        if self._awaited is not None:
            self.show_job(self._awaited)

    def _chosen(self) -> Results:
        if self.earlier.value is None:
            raise ValueError("no stored results yet: run a benchmark first")
        return Results.load(self.earlier.value)

    def load(self) -> None:
        self.shown = self._chosen()
        self.comparison.value = ""
        show(self.views)
        self._draw()
        self.show_message(f"Loaded {self.earlier.value.name}, of {self.shown.created}.")

    def compare(self) -> None:
        """Show what is faster or slower in the shown results than in the chosen ones."""
        if self.shown is None:
            raise ValueError("run a benchmark or load results first: the chosen results are compared with them")
        before = self._chosen()
        changes = list(compare.changes(before, self.shown))
        if not changes:
            raise ValueError(f"{self.earlier.value.name} and the results below have no measured case in common")
        message = f"{self.earlier.value.stem} (before) and the results below (after): {compare.counts(changes)}"
        self.comparison.value = (
            f"<p><b>{escape(message)}</b>. {escape(compare.RULE)}</p>"
            + html.table(compare.COLUMN_NAMES, compare.lines(changes))
            + "".join(f"<p>{escape(line)}</p>" for line in compare.differences(before, self.shown))
        )

    def _draw(self) -> None:
        if self.shown is None:
            return
        shown, baseline = self.shown, self.baseline.value
        self.drawn.children = list(self.figures.values())
        answer = shown.doubt if self.working else summary.answer(shown)
        self.machine.value = f"<p>{escape(processor_and_gpus(shown.machine))}</p><p><b>{escape(answer)}</b></p>"
        header = report.header(baseline)
        # a panel has no room for more columns
        keep = [number for number, name in enumerate(header) if name not in ("words/s", "memory")]
        cells = [line for section in report.sections(shown, baseline) for line in section]
        caption = f"{baseline} = 1: how many times as fast as {baseline} it is on the CPU; more is faster"
        self.table.value = html.table([header[k] for k in keep], [[line[k] for k in keep] for line in cells], caption)
        measured = [row for row in shown.rows if row.median]
        set_options(self.plotted, dict.fromkeys(f"{row.case.model} {row.case.work}" for row in measured))
        rows = [row for row in measured if f"{row.case.model} {row.case.work}" == self.plotted.value]
        charts = [times(rows, size) for size in SIZE_LABELS]
        for drawn, chart in zip(self.figures.values(), charts, strict=True):
            put_chart(drawn, chart)
        legend = key(line for chart in charts for line in chart.lines)
        points = "Points: medians, hollow if uncertain; bars: from quartile to quartile."
        self.key.value = f"<div>{legend}</div>{points}" if legend else ""
        reason, without = ("", "") if self.working else (report.why_no_gpu(shown) or "", report.without_gpu(shown))
        self.gpu.value = speed_up_map(speed_ups(rows)) or (f"<p><b>{html.linked(without)}</b></p>" if without else "")
        notes = [
            *report.less_work(shown),
            *summary.uncertain_lines(shown),
            *report.uncertain(shown, baseline),
            *report.not_measured(shown, reason),
        ]
        self.notes.value = "".join(f"<div style='margin-bottom:3px'>{html.linked(note)}</div>" for note in notes)

    def code(self) -> str:
        settings = self.settings()
        settings.cases()
        return f"""from rich.console import Console

from lxmls_rnn import paths
from lxmls_rnn.benchmark.show import report, summary
{settings_code(settings, Session, results.new_path)}
session = Session(settings.cases(), settings.runner(), new_path(paths.results()))
for row in session.run():
    print(row.case, row.status)
Console(width=160).print(report.table(session.results))
print(summary.answer(session.results), *report.not_measured(session.results), sep="\\n")
"""


def speed_up_map(speed_ups: SpeedUps | None) -> str:
    """Return a heat map of the fastest GPU's speed-up over the fastest CPU: blue above 1, orange below."""
    if speed_ups is None:
        return ""
    message = "GPU over CPU, the fastest of each, {}: blue where the GPU wins, orange where the CPU does."
    rows, columns = (
        [f"hidden {n_hidd}" for n_hidd in speed_ups.hidden],
        [f"batch {batch}" for batch in speed_ups.batches],
    )
    write = lambda value: f"{value:.3g} x" if np.isfinite(value) else "-"  # noqa: E731
    table = html.heat_map(speed_ups.values, rows, columns, speed_ups.extent, write=write, coloured_by=np.log10)
    return f"<p>{message.format(escape(speed_ups.what))}</p>{table}"
