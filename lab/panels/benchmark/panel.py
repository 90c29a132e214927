"""A panel that times the models: NumPy, Theano and PyTorch, on CPU and GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import ipywidgets as widgets

from lab.drawing import html
from lab.panels.benchmark.plots import heat_map, key, plot, show_series
from lab.widgets.choices import WRAP, button, field
from lab.widgets.job import Job
from lab.widgets.panel import Panel
from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure import results
from lxmls_rnn.benchmark.measure.cases import IMPLEMENTATIONS, SETS, WORKS, Case, chosen_shapes, grid, make_cases, sizes
from lxmls_rnn.benchmark.measure.machine import cores, in_words, version
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.measure.runner import Runner
from lxmls_rnn.benchmark.measure.session import Session
from lxmls_rnn.benchmark.show import compare, report
from lxmls_rnn.benchmark.show.series import series_of, speed_ups
from lxmls_rnn.deep_learning.parameters import DTYPES

OWN = "own sizes"
DEVICES = {"cpu": "The processor", "cuda": "The first NVIDIA GPU", "opencl0:0": "An OpenCL device; no scan there"}
LIMIT = 120.0  # seconds for a case, its compiling included


class Several(widgets.HBox):
    """Which of several things: a checkbox each.

    Parameters
    ----------
    options
        Name to tooltip.
    chosen
        The names that are on at first.
    """

    def __init__(self, description: str, options: Mapping[str, str], chosen: Sequence[str]) -> None:
        self.description = description
        self.boxes = {
            name: widgets.Checkbox(
                value=name in chosen, description=name, tooltip=tooltip, indent=False, layout={"width": "auto"}
            )
            for name, tooltip in options.items()
        }
        heading = widgets.HTML(f"<b>{description}</b>", layout={"width": "8em"})
        super().__init__([heading, *self.boxes.values()], layout={**WRAP, "grid_gap": "0 14px"})

    @property
    def value(self) -> list[str]:
        """The names that are on; ValueError if none is."""
        chosen = [name for name, box in self.boxes.items() if box.value]
        if not chosen:
            raise ValueError(f"{self.description}: choose at least one of {', '.join(self.boxes)}")
        return chosen


class BenchmarkPanel(Panel):
    """Time the models, see where time goes, compare with earlier results.

    Attributes
    ----------
    shown
        The results that are shown, None before.
    session
        The run that was started last, None before.
    """

    title = "Benchmark"
    help = """Choose what is timed and press <b>Run</b>: table and plots grow while it measures. Each implementation
    runs in a process of its own on its device, its numbers are compared with NumPy's before it is timed, and those that
    do the same work take turns, so that a slow moment of the machine favours none. You see the <b>median</b> and the
    <b>spread</b> (the distance of the quartiles over the median): differences smaller than the spread mean nothing.
    What is not there, a GPU for example, is listed with the reason. Results are kept and can be loaded and compared."""

    def __init__(self) -> None:
        self.shown: Results | None = None
        self.session: Session | None = None
        self.job: Job | None = None
        self._rows_drawn, self._n_done, self._stopped = -1, 0, False
        self._make_choice()
        self._make_views()
        super().__init__(
            widgets.HBox([self.set_name, self.hidden, self.batch, self.length], layout=WRAP),
            self.models, self.implementations, self.devices, self.works, self.dtypes,
            widgets.HBox([self.threads, self.seconds, self.budget], layout=WRAP),
            widgets.HBox([self.run_button, self.stop_button, self.progress, self.status], layout=WRAP),
            widgets.HBox([self.earlier, self.load_button, self.compare_button, self.again_button, self.everything],
                         layout=WRAP),
            self.comparison, self.views,
        )  # fmt: skip
        self.on_click(self.run_button, self.run)
        self.on_click(self.stop_button, self.stop)
        self.on_click(self.load_button, self.load)
        self.on_click(self.compare_button, self.compare)
        self.on_click(self.again_button, self.refresh)
        for several in (self.models, self.implementations, self.devices, self.works, self.dtypes):
            for box in several.boxes.values():
                box.observe(lambda _: self._count(), "value")
        for control in (self.set_name, self.hidden, self.batch, self.length):
            control.observe(lambda _: self._count(), "value")
        for control in (self.baseline, self.plotted):
            control.observe(lambda _: self._draw(), "value")
        self.refresh()
        self._count()

    def _make_choice(self) -> None:
        self.set_name = field(
            widgets.Dropdown, "Sizes", OWN, "Your own sizes, or a set of lxmls-rnn bench", options=[OWN, *SETS]
        )
        self.hidden = field(widgets.Text, "Hidden units", "20, 64", "Hidden sizes, separated by commas")
        self.batch = field(widgets.Text, "Batch", "1, 16", "Sentences in a batch, separated by commas")
        self.length = field(widgets.Text, "Words", "10", "Words in a sentence, separated by commas")
        peers = ["torch-fused"] if version("torch") else []
        self.models = Several("Models", {"rnn": "Simple recurrent", "lstm": "Long short-term memory"}, ["rnn"])
        self.implementations = Several("Made with", IMPLEMENTATIONS, ["numpy", "scan", "fused", *peers])
        self.devices = Several("Devices", DEVICES, ["cpu", "cuda"])
        self.works = Several("Work", WORKS, ["backward"])
        self.dtypes = Several("Numbers", dict.fromkeys(DTYPES, "Type of the parameters"), ["float32"])
        self.threads = field(
            widgets.BoundedIntText, "Threads", cores(), "Of BLAS and PyTorch, on the CPU", "15em", min=1, max=1024
        )
        self.seconds = field(
            widgets.BoundedFloatText, "Seconds a case", 0.15, "Timed for each case; compiling comes on top", "16em",
            min=0.01, max=60.0,
        )  # fmt: skip
        self.budget = field(
            widgets.BoundedFloatText, "Seconds in all", 120.0, "Cases whose turn has not come by then are left out",
            "16em", min=1.0, max=36000.0,
        )  # fmt: skip
        self.run_button = button("Run", "Measure what is chosen", "primary")
        self.stop_button = button("Stop", "End the run; what has been measured is kept", "warning", disabled=True)
        self.progress = widgets.FloatProgress(min=0, max=1, layout={"width": "14em", "display": "none"})
        self.status = widgets.HTML().add_class("lab-benchmark-status")
        self.earlier = field(
            widgets.Dropdown, "Earlier results", None, "A file in the folder of results", width="26em", options=[]
        )
        self.load_button = button("Load", "Show the chosen results")
        self.compare_button = button("Compare", "What is faster or slower in the results below than in the chosen ones")
        self.again_button = button("Look again", "List the results anew")
        self.everything = widgets.Checkbox(
            description="unchanged too", tooltip="Compare: list what has not changed", indent=False,
            layout={"width": "auto"},
        )  # fmt: skip

    def _make_views(self) -> None:
        self.comparison = widgets.HTML().add_class("lab-benchmark-comparison")
        self.baseline = field(
            widgets.Dropdown, "Ratio to", "numpy", "The implementation that the ratios are to: 2 is twice as fast",
            options=list(IMPLEMENTATIONS),
        )  # fmt: skip
        self.plotted = field(widgets.Dropdown, "Plot", None, "Which model and work", width="21em", options=[])
        self.machine = widgets.HTML()
        self.table = widgets.HTML().add_class("lab-benchmark-table")
        self.figures = {size: plot(size) for size in ("n_hidd", "batch")}
        self.key, self.gpu, self.notes = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.views = widgets.VBox([
            self.machine, widgets.HBox([self.baseline, self.plotted], layout=WRAP), self.table, self.key,
            widgets.HBox(list(self.figures.values()), layout=WRAP), self.gpu, self.notes,
        ], layout={"display": "none"})  # fmt: skip

    def cases(self) -> list[Case]:
        """Return the chosen cases; ValueError where there is none, or a size is no number."""
        models, works = self.models.value, self.works.value
        if self.set_name.value == OWN:
            shapes = grid(models, *self._own_sizes())
        else:
            shapes = chosen_shapes(SETS[self.set_name.value], models, [], [], [])
        cases = make_cases(shapes, works, self.implementations.value, self.devices.value, self.dtypes.value)
        if not cases:
            raise ValueError("nothing to measure: NumPy has the CPU alone, so choose cpu or another implementation")
        return cases

    def _own_sizes(self) -> list[list[int]]:
        return [sizes(control.description, control.value) for control in (self.hidden, self.batch, self.length)]

    def _count(self) -> None:
        for control in (self.hidden, self.batch, self.length):
            control.disabled = self.set_name.value != OWN
        if self.job is not None and self.job.active:
            return
        try:
            n = len(self.cases())
            self.status.value = f"{n} case{'s' if n != 1 else ''}"
        except ValueError as error:
            self.status.value = f"<i>{escape(str(error))}</i>"

    def run(self) -> None:
        """Measure in the background."""
        if self.job is not None and self.job.active:
            raise RuntimeError("a benchmark is running here: wait for it, or stop it first")
        cases = self.cases()
        runner = Runner(self.threads.value, self.seconds.value, LIMIT, self.budget.value)
        self.session = session = Session(cases, runner, results.new_path(paths.results()), ["BenchmarkPanel"])
        self.shown, self._n_done, self._rows_drawn, self._stopped = session.results, 0, -1, False
        self.comparison.value = ""
        self.run_button.disabled, self.stop_button.disabled = True, False
        self.progress.value, self.progress.layout.display = 0.0, None
        self.views.layout.display = None

        def take(_: Row) -> None:
            self._n_done += 1

        self.job = Job(lambda: session.run(), take)  # type: ignore[arg-type,return-value]
        self.job.listeners.append(self._told)
        self.job.start()

    def stop(self) -> None:
        """End the run."""
        if self.session is not None and self.job is not None and self.job.active:
            self._stopped = True
            self.session.runner.stop()
            self.say("Stopping …")

    def _told(self) -> None:
        job, session = self.job, self.session
        if job is None or session is None:
            return
        with self.guard():
            self.progress.value = self._n_done / len(session.cases)
            self.status.value = f"{self._n_done} of {len(session.cases)} cases, {job.seconds:.0f} s"
            if len(session.results.rows) != self._rows_drawn or not job.active:
                self._rows_drawn = len(session.results.rows)
                self._draw()
            if job.active:
                return
            self.run_button.disabled, self.stop_button.disabled = False, True
            self.progress.layout.display = "none"
            if job.error is not None:
                raise job.error
            self.refresh()
            measured = sum(row.median is not None for row in session.results.rows)
            how = "Stopped" if self._stopped else "Done"
            self.say(f"{how}: {measured} of {len(session.cases)} cases measured; kept in {session.path}.")

    def refresh(self) -> None:
        """List the results files anew."""
        value, files = self.earlier.value, results.saved(paths.results())
        self.earlier.options = [(path.stem, path) for path in files]
        self.earlier.value = value if value in files else next(iter(files), None)

    def _chosen(self) -> Results:
        if self.earlier.value is None:
            raise ValueError("there are no earlier results yet: run a benchmark first")
        return Results.load(self.earlier.value)

    def load(self) -> None:
        """Show the chosen results."""
        if self.job is not None and self.job.active:
            raise RuntimeError("a benchmark is running here: wait for it, or stop it first")
        self.shown = self._chosen()
        self.comparison.value = ""
        self.views.layout.display = None
        self._draw()
        self.say(f"Loaded {self.earlier.value.name}, of {self.shown.created}.")

    def compare(self) -> None:
        """Show what is faster or slower in the shown results than in the chosen ones."""
        if self.shown is None:
            raise ValueError("run a benchmark or load results first: they are compared with the chosen ones")
        before = self._chosen()
        found = list(compare.changes(before, self.shown))
        if not found:
            raise ValueError(f"{self.earlier.value.name} and the results below have no measured case in common")
        counts = [f"{sum(c.verdict == v for c in found)} {v}" for v in ("faster", "slower", "same")]
        lines = [html.table(compare.HEADER, compare.lines(found, self.everything.value))]
        lines += [f"<p>{escape(line)}</p>" for line in compare.differences(before, self.shown)]
        self.comparison.value = (
            f"<p><b>{escape(self.earlier.value.stem)} (before) and the results below (after): {', '.join(counts)}</b>."
            " A change counts if the quartiles do not overlap and the medians differ by 5 % or more.</p>"
            + "".join(lines)
        )

    def _draw(self) -> None:
        """Show `shown`."""
        if self.shown is None:
            return
        self.machine.value = f"<p>{escape(in_words(self.shown.machine))}</p>"
        header = report.header(self.baseline.value)
        # a first look can do without the others, and a panel has room for these
        keep = [number for number, name in enumerate(header) if name not in ("of bound", "memory")]
        lines = [line for section in report.sections(self.shown, self.baseline.value, True) for line in section]
        baseline = self.baseline.value
        caption = f"{baseline} = 1: how many times as fast as {baseline} it is on the CPU; more is faster"
        self.table.value = html.table([header[k] for k in keep], [[line[k] for k in keep] for line in lines], caption)
        measured = [row for row in self.shown.rows if row.median]
        options = list(dict.fromkeys(f"{row.case.model} {row.case.work}" for row in measured))
        if list(self.plotted.options) != options:
            value = self.plotted.value
            self.plotted.options = options
            self.plotted.value = value if value in options else next(iter(options), None)
        rows = [row for row in measured if f"{row.case.model} {row.case.work}" == self.plotted.value]
        self._plot(rows)
        notes = [*report.crossover(self.shown), *report.not_measured(self.shown)]
        if any(row.case.model == "lstm" and row.case.implementation == "torch-fused" for row in measured):
            notes.append("torch-fused's LSTM has no peepholes: it does up to 3/7 less work.")
        without = report.without_gpu(self.shown)
        self.gpu.value = f"<p><b>{escape(without)}</b></p>" if without else heat_map(speed_ups(rows))
        self.notes.value = "".join(f"<div style='margin-bottom:3px'>{escape(note)}</div>" for note in notes)

    def _plot(self, rows: list[Row]) -> None:
        lines = {}
        for size, figure in self.figures.items():
            found = series_of(rows, size) if rows else None
            show_series(figure, found)
            lines.update({line.name: line for line in found.lines} if found else {})
        self.key.value = key(lines.values())

    def code(self) -> str:
        """Return code that measures the same."""
        self.cases()
        if self.set_name.value == OWN:
            own = ", ".join(map(repr, self._own_sizes()))
            shapes, name = f"grid({self.models.value}, {own})", "grid"
        else:
            shapes = f"[shape for shape in SETS[{self.set_name.value!r}].shapes if shape.model in {self.models.value}]"
            name = "SETS"
        return f"""\
from rich.console import Console

from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure.cases import {", ".join(sorted([name, "make_cases"], key=str.lower))}
from lxmls_rnn.benchmark.measure.results import new_path
from lxmls_rnn.benchmark.measure.runner import Runner
from lxmls_rnn.benchmark.measure.session import Session
from lxmls_rnn.benchmark.show import report

cases = make_cases(
    {shapes},
    works={self.works.value},
    implementations={self.implementations.value},
    devices={self.devices.value},
    dtypes={self.dtypes.value},
)
runner = Runner(
    threads={self.threads.value}, seconds={self.seconds.value}, limit={LIMIT}, budget={self.budget.value}
)
session = Session(cases, runner, new_path(paths.results()))
for row in session.run():
    print(row.case, row.status)
Console(width=140).print(report.table(session.results))
print(*report.crossover(session.results), *report.not_measured(session.results), sep="\\n")
"""
