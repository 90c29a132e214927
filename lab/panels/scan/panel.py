"""A panel on `theano.scan`: loops in NumPy and as scan, the graphs, and what goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from html import escape
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.panels.scan import graph_drawing
from lab.panels.scan.examples import EXAMPLES, Example
from lab.panels.scan.mistakes import MISTAKES, Mistake
from lab.panels.scan.programs import THEANO, beside, execute, marked, run_program, scrolled, source, text_box
from lab.widgets.choices import WRAP, field
from lab.widgets.job import Job
from lab.widgets.panel import Panel, shown_if
from lxmls_rnn.benchmark.measure.timing import median_time
from lxmls_rnn.benchmark.show.report import time as time_in_words

WRONG = "What goes wrong"
STATES = ("sunny", "cloudy", "rainy")
COLOURS = ["#0072B2", "#D55E00", "#009E73"]


class ScanPanel(Panel):
    """Loops by `theano.scan`, beside the same loops in NumPy.

    Attributes
    ----------
    part
        Which example, or what goes wrong.
    compiled
        By example: the symbolic result, the two functions, and the seconds that compiling took.
    """

    title = "Scan"
    help = """<code>theano.scan</code> is a <code>for</code> loop written as an operation of Theano's graph, so that it
    can be optimised, run on a GPU and differentiated. Choose an example and press <b>Run</b>: the same numbers come
    from a NumPy loop and from scan; then move the sliders. The graphs show what Theano made of the formula:
    compare before and after the optimisation, and look inside a step. <b>What goes wrong</b> runs programs with a
    typical mistake, so that you have seen their error messages before you meet them in your own."""

    def __init__(self) -> None:
        self.part = widgets.ToggleButtons(
            options=[*EXAMPLES, WRONG], style={"button_width": "auto"}, layout={"width": "auto"},
            tooltips=["No state: x_t squared", "A state: A to the power of k", "p_t = p_{t-1} P",
                      "Mistakes, and how to read their errors"],
        )  # fmt: skip
        self.run_button = widgets.Button(
            description="Run", button_style="primary", layout={"width": "auto"},
            tooltip="Compile (the first time) and run both; after that the sliders act at once",
        )  # fmt: skip
        self.compiled: dict[str, tuple[dict[str, Any], float]] = {}
        self.job: Job | None = None
        self._drawn = ""
        self._lock = threading.Lock()  # a function of Theano must not be called by two threads at once
        self._make_controls()
        self._make_views()
        self.mistake = field(
            widgets.Dropdown, "Mistake", next(iter(MISTAKES)), "A typical mistake with scan", options=list(MISTAKES),
            width="46em",
        )  # fmt: skip
        self.programs, self.wrong_result = widgets.HTML(), widgets.HTML().add_class("lab-scan-error")
        self._mistakes = widgets.VBox([self.mistake, self.programs])
        super().__init__(
            self.part, *self._settings.values(), self._mistakes, widgets.HBox([self.run_button]), self.wrong_result,
            self.sources, self.results,
        )  # fmt: skip
        self.on_click(self.run_button, self.run)
        self.part.observe(lambda _: self._choose(), "value")
        self.mistake.observe(lambda _: self._show_mistake(), "value")
        for name, box in self._settings.items():
            for slider in _sliders(box):
                slider.observe(lambda _, name=name: self._moved(name), "value")
        self._choose()

    def _make_controls(self) -> None:
        self.length = slider(widgets.IntSlider, "Length of x", 6, 1, 30, "How many numbers x has")
        self.first = slider(widgets.FloatSlider, "First number", -2.0, -3.0, 3.0, "x[0]")
        self.difference = slider(widgets.FloatSlider, "Difference", 1.0, -1.0, 1.0, "x[t+1] - x[t]")
        self.base = [
            slider(widgets.FloatSlider, f"A[{i}]", value, -1.5, 1.5, "A number of the vector A")
            for i, value in enumerate((0.5, -0.9, 1.1))
        ]
        self.power = slider(widgets.IntSlider, "k", 8, 1, 30, "How often A is multiplied")
        self.n_states = field(widgets.Dropdown, "States", 3, "How many states the chain has", options=[2, 3])
        self.start = field(
            widgets.Dropdown, "Start", 0, "The state at t = 0", options=[(s, i) for i, s in enumerate(STATES)]
        )
        self.steps = slider(widgets.IntSlider, "Steps", 12, 1, 40, "How far the chain goes")
        weights = [[0.8, 0.15, 0.05], [0.3, 0.4, 0.3], [0.2, 0.3, 0.5]]
        self.weights = [
            [
                slider(widgets.FloatSlider, f"{a} → {b}", weights[i][j], 0.0, 1.0, "Weight of the transition", "20.3em")
                for j, b in enumerate(STATES)
            ]
            for i, a in enumerate(STATES)
        ]  # fmt: skip
        for row in self.weights:
            for entry in row:
                entry.style = {"description_width": "9em"}
        self.transitions = widgets.HTML()
        self._rows = [widgets.HBox(row, layout=WRAP) for row in self.weights]
        self._settings = {
            "Squares": widgets.HBox([self.length, self.first, self.difference], layout=WRAP),
            "Powers": widgets.HBox([*self.base, self.power], layout=WRAP),
            "Markov chain": widgets.VBox([
                widgets.HBox([self.n_states, self.start, self.steps], layout=WRAP),
                widgets.HTML("Weights of the transitions; each row is divided by its sum, which gives P:"),
                *self._rows, self.transitions,
            ]),
        }  # fmt: skip

    def _make_views(self) -> None:
        self.sources, self.numbers, self.timing = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.figure, self.key = plot(), widgets.HTML()
        self.inside = widgets.ToggleButton(
            description="Graph of one step", tooltip="Show the graph inside scan too", layout={"width": "auto"}
        )
        self.graphs, self.steps_view = widgets.HTML(), widgets.HTML()
        self.results = widgets.VBox([
            self.numbers, self.key, self.figure, self.timing, self.graphs, widgets.HBox([self.inside]),
            shown_if(self.steps_view, self.inside),
        ])  # fmt: skip

    @property
    def example(self) -> Example:
        """The chosen example."""
        return EXAMPLES[self.part.value]

    def transition_matrix(self) -> np.ndarray:
        """Return P, its rows sum to 1; ValueError if a row is all zero."""
        n = self.n_states.value
        weights = np.array([[entry.value for entry in row[:n]] for row in self.weights[:n]])
        for state, row in zip(STATES, weights, strict=False):
            if not row.any():
                raise ValueError(f"all weights from {state} are 0: the chain must go somewhere, so move one of them up")
        return weights / weights.sum(axis=1, keepdims=True)

    def arguments(self) -> list[Any]:
        """Return what the functions of the chosen example are given, as the sliders say."""
        if self.part.value == "Squares":
            return [self.first.value + self.difference.value * np.arange(self.length.value)]
        if self.part.value == "Powers":
            return [np.array([entry.value for entry in self.base]), self.power.value]
        n = self.n_states.value
        return [np.eye(n)[min(self.start.value, n - 1)], self.transition_matrix(), self.steps.value]

    def run(self) -> None:
        """Compile what is not compiled, in the background, and show the results."""
        if self.job is not None and self.job.active:
            raise RuntimeError("Theano still compiles: wait for its result, then press Run again")
        name, mistake = self.part.value, self.mistake.value
        if name != WRONG:
            self.arguments()  # what is wrong with them is said before anything is compiled
        if name in self.compiled:
            self._show()
            return
        self.say("Compiling: this takes some seconds, the first time up to a minute …")

        def work() -> Iterator[Any]:
            yield self._try(MISTAKES[mistake]) if name == WRONG else self._compile(name)

        def told() -> None:
            if not job.active:
                with self.guard():
                    if job.error is not None:
                        raise job.error
                    if name == self.part.value:
                        self._shown(name, mistake, outcome)

        outcome: list[Any] = []
        self.job = job = Job(work, outcome.append)  # type: ignore[arg-type]
        job.listeners.append(told)
        job.start()

    def _shown(self, name: str, mistake: str, outcome: list[Any]) -> None:
        if name != WRONG:
            self._show()
            self.say("Compiled. Now the sliders act at once.")
        elif mistake == self.mistake.value:
            self.wrong_result.value = outcome[0]
            self.say("Both programs have run.")

    def _compile(self, name: str) -> str:
        namespace: dict[str, Any] = {}
        execute(THEANO + EXAMPLES[name].loop, namespace)
        start = time.perf_counter()
        execute(EXAMPLES[name].scan, namespace)
        self.compiled[name] = namespace, time.perf_counter() - start
        return ""

    def _try(self, mistake: Mistake) -> str:
        said = [run_program(program) for program in (mistake.wrong, mistake.mended)]
        (error, where), (_, mended) = said
        if error is None:
            heading, message = "It prints, without an error:", text_box(escape(where), "Output")
        else:
            heading = f"Theano's message, from {escape(where)}"
            message = text_box(marked(error, mistake.marks), "Error message")
        return (
            f"<p><b>{heading}</b></p>{message}<p><b>How to read it</b></p><div class='lab-help'>{mistake.reading}</div>"
            f"<p><b>The mended program prints</b></p>{text_box(escape(mended), 'Output')}"
        )

    def _moved(self, name: str) -> None:
        with self.guard():
            self.message.value = ""
            if name == "Markov chain":
                self._show_transitions()
            if name == self.part.value and name in self.compiled and not (self.job is not None and self.job.active):
                self._show()

    def _choose(self) -> None:
        """Show the controls of the chosen part."""
        name = self.part.value
        for key, box in self._settings.items():
            box.layout.display = None if key == name else "none"
        for view in (self._mistakes, self.wrong_result):
            view.layout.display = None if name == WRONG else "none"
        self.results.layout.display = "none"
        self.message.value = ""
        if name == WRONG:
            self.sources.value = ""
            self._show_mistake()
            return
        self.sources.value = f"<p>{self.example.about}</p>" + beside(
            ("NumPy loop", source(self.example.loop)), ("scan", source(THEANO + "\n" + self.example.scan))
        )
        with self.guard():
            self._show_transitions()
            if name in self.compiled:
                self._show()

    def _show_mistake(self) -> None:
        chosen = MISTAKES[self.mistake.value]
        self.wrong_result.value = ""
        self.programs.value = beside(
            ("With the mistake", source(THEANO + chosen.wrong, numbers=True)),
            ("Mended", source(THEANO + chosen.mended, numbers=True, other=THEANO + chosen.wrong)),
        )

    def _show_transitions(self) -> None:
        n = self.n_states.value
        for i, row in enumerate(self._rows):
            row.layout.display = None if i < n else "none"
            row.children = self.weights[i][:n]
        if [index for _, index in self.start.options] != list(range(n)):
            self.start.options = [(state, i) for i, state in enumerate(STATES[:n])]
        P = self.transition_matrix()
        self.transitions.value = html.heat_map(P, STATES[:n], STATES[:n], 1.0, numbers=True, caption="P")

    def _show(self) -> None:
        """Run both functions and show what they return, how long they take and the graphs."""
        with self._lock:
            self._show_results()

    def _show_results(self) -> None:
        namespace, seconds = self.compiled[self.part.value]
        arguments = self.arguments()
        by_loop, by_scan = namespace["by_loop"], namespace["by_scan"]
        loop, scan = by_loop(*arguments), by_scan(*arguments)
        names = self._names(loop)
        columns = [str(t) for t in self._times(len(loop))]
        rows = np.atleast_2d(loop.T), np.atleast_2d(scan.T)
        largest = float(max(np.abs(rows[0]).max(), np.abs(rows[1]).max()))
        self.numbers.value = beside(*(
            (title, html.heat_map(values, names, columns, largest, numbers=True))
            for title, values in zip(("NumPy loop", "scan"), rows, strict=True)
        ))  # fmt: skip
        self._plot(names, rows)
        difference = float(np.abs(loop - scan).max())
        agree = "They agree" if np.allclose(loop, scan) else "They do NOT agree"
        times = [median_time(lambda call=call: call(*arguments), 0.02) for call in (by_loop, by_scan)]  # type: ignore[misc]
        self.timing.value = (
            f"<p><b>{agree}</b>: largest difference {difference:.2g}. One call takes "
            + ", ".join(
                f"{time_in_words(value)} ({name}, median of {count})"
                for (value, count), name in zip(times, ("NumPy loop", "scan"), strict=True)
            )
            + f"; building and compiling the scan took {time_in_words(seconds)}, once. On so few numbers what counts "
            "is what a step costs besides its arithmetic.</p>"
        )
        if self._drawn != self.part.value:
            self._drawn = self.part.value
            self._show_graphs(namespace)
        self.results.layout.display = None

    def _names(self, values: np.ndarray) -> list[str]:
        if self.part.value == "Squares":
            return ["y"]
        return [f"A[{i}]" for i in range(3)] if self.part.value == "Powers" else list(STATES[: values.shape[1]])

    def _times(self, n: int) -> range:
        return range(n) if self.part.value == "Squares" else range(1, n + 1)

    def _plot(self, names: list[str], rows: tuple[np.ndarray, np.ndarray]) -> None:
        line, points = self.figure.marks
        self.key.value = "Line: NumPy loop; points: scan. " + " ".join(
            f'<span style="color:{colour}">●</span> {name}' for colour, name in zip(COLOURS, names, strict=False)
        )
        n = rows[0].shape[1]
        first, last = self._times(n)[0], self._times(n)[-1]
        self.figure.axes[0].tick_values = np.arange(first, last + 1, 1 + n // 16)
        for mark, values in zip((line, points), rows, strict=True):
            times = np.array(self._times(values.shape[1]))
            with mark.hold_sync():
                if mark is line:
                    mark.x, mark.y = times, values
                else:
                    mark.x, mark.y = np.tile(times, len(values)), values.ravel()
                    mark.colors = [COLOURS[i] for i in range(len(values)) for _ in times]

    def _show_graphs(self, namespace: dict[str, Any]) -> None:
        graphs = {"as written": namespace[self.example.symbol], "optimised": namespace["by_scan"]}
        self.graphs.value = f"<p>{graph_drawing.legend()}</p>" + beside(*(
            (f"{name}: {graph_drawing.n_operations(graph)} operations", scrolled(graph_drawing.draw(graph)))
            for name, graph in graphs.items()
        ))  # fmt: skip
        inner = []
        for name, graph in graphs.items():
            steps = graph_drawing.steps_of(graph)
            drawings = "".join(scrolled(graph_drawing.draw(step)) for step in steps)
            inner.append((f"one step, {name}", drawings or "<p>There is no scan any more: the loop is gone.</p>"))
        self.steps_view.value = beside(*inner)

    def code(self) -> str:
        """Return code that runs the example, or the mended program."""
        if self.part.value == WRONG:
            return THEANO + MISTAKES[self.mistake.value].mended
        given = ", ".join(literal(value) for value in self.arguments())
        return (
            f"{THEANO}{self.example.loop}\n{self.example.scan}\narguments = [{given}]\n"
            "print(by_loop(*arguments))\nprint(by_scan(*arguments))\n"
            "print(np.allclose(by_loop(*arguments), by_scan(*arguments)))\n"
            "theano.printing.debugprint(by_scan)\n"
        )


def literal(value: Any) -> str:
    """Write an argument as Python."""
    return f"np.array({value.tolist()})" if isinstance(value, np.ndarray) else repr(value)


def slider(
    kind: Any, description: str, value: float, low: float, high: float, tooltip: str, width: str = "23em"
) -> Any:
    """Make a labelled slider."""
    more = {} if kind is widgets.IntSlider else {"step": 0.05, "readout_format": ".2f"}
    return field(kind, description, value, tooltip, width, min=low, max=high, **more)


def _sliders(box: widgets.Box) -> Iterator[Any]:
    for child in box.children:
        if isinstance(child, widgets.Box):
            yield from _sliders(child)
        elif not isinstance(child, widgets.HTML):
            yield child


def plot() -> bqplot.Figure:
    """Make the figure: a line for the loop, points for scan."""
    across, up = bqplot.LinearScale(), bqplot.LinearScale()
    line = bqplot.Lines(x=[], y=[], scales={"x": across, "y": up}, colors=COLOURS)
    points = bqplot.Scatter(x=[], y=[], scales={"x": across, "y": up}, colors=COLOURS, default_size=24)
    axes = [
        bqplot.Axis(scale=across, label="t", tick_format="d"),
        bqplot.Axis(scale=up, side="left", tick_format=".3~g"),
    ]
    return bqplot.Figure(
        marks=[line, points], axes=axes,
        fig_margin={"top": 10, "bottom": 40, "left": 60, "right": 20},
        layout={"width": "700px", "height": "260px", "max_width": "100%"},
    )  # fmt: skip
