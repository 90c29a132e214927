"""Scan panel: loops in NumPy and with `theano.scan`, their graphs, and typical mistakes."""

from collections.abc import Iterator
from functools import partial
from html import escape
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, put, side_axis
from lab.drawing.looks import ColumnBox, make
from lab.panels.scan import graph_drawing
from lab.panels.scan.examples import EXAMPLES, Example
from lab.panels.scan.programs import THEANO_IMPORTS, marked, run_program, source, text_box
from lab.panels.scan.step import Compiled, StepError, columns_of, compile_example, evaluate
from lab.panels.scan.wrong_programs import WRONG_PROGRAMS, WrongProgram
from lab.runtime import student_process
from lab.widgets.controls import dropdown, field, in_row, on_change, show, toggles, unfolding, view
from lab.widgets.panel import Panel, PanelJob, controls
from lxmls_rnn.benchmark.show.report import format_time as time_in_words
from lxmls_rnn.deep_learning.frameworks import THEANO
from lxmls_rnn.plotting.palette import LINES

MISTAKES_PART = "What goes wrong"
INPUTS = "sequences", "outputs_info", "non_sequences"  # of scan, in the order in which a step gets them
STATE_NAMES = ("sunny", "cloudy", "rainy")
INITIAL_WEIGHTS = ((0.8, 0.15, 0.05), (0.3, 0.4, 0.3), (0.2, 0.3, 0.5))  # initial weights of the transitions


HOW_TO_READ = """Read a graph from top to bottom: inputs, operations, result. The loop is one operation, <b>scan</b>;
most of the others allocate memory for its steps (AllocEmpty), copy the first state there (IncSubtensor) and select the
results (Subtensor). The optimiser removes unnecessary operations, merges several elementwise operations
into one, <b>composite</b>, and may even replace the loop."""


class ScanPanel(Panel):
    """Compare loops by `theano.scan` with loops in NumPy; `part` holds the chosen example, or the mistakes."""

    title = "Scan"
    help = """<code>theano.scan</code> is a <code>for</code> loop written as an operation of Theano's graph, so that it
    can be optimised, run on a GPU and differentiated. Choose an example and press <b>Run</b>: a NumPy loop and
    scan compute the same numbers; then move the sliders. Edit the <b>Step</b>, the function that scan calls, and press
    Run again: an error names its line. <b>Theano's graphs</b> show the formula before and after the optimisation, and
    the inside of one step. <b>What goes wrong</b> runs programs with typical mistakes, so that you know their error
    messages before you see them in your own code."""

    def __init__(self) -> None:
        tooltips = ("x_t squared", "A to the power of k", "s_t = A s_{t-1}")
        wrong = {MISTAKES_PART: "Mistakes, and how to read their errors"}
        self.part = toggles({**dict(zip(EXAMPLES, tooltips, strict=True)), **wrong})
        tooltip = "Compile (the first time) and run both; afterwards the sliders take effect at once"
        self.run_button = self.button("Run", tooltip, self.run, "primary")
        self.work = PanelJob(self, self.run_button)
        tooltip = "The function that scan calls at each step; edit it, then press Run"
        self.step = field(widgets.Textarea, "Step", "", tooltip, "auto", "3em", "lab-step", "lab-line", rows=4)
        self.restore_button = self.button("Restore the step", "Undo all changes of the step", self.restore)
        self._steps = {name: example.step for name, example in EXAMPLES.items()}
        self.compiled: dict[tuple[str, str], Compiled] = {}  # by example and step
        self._drawn = ("", "")
        self._make_controls()
        self._make_views()
        self.mistake = dropdown("Mistake", WRONG_PROGRAMS, "A typical mistake with scan", width="46em")
        self.programs, self.wrong_result = view(), view("scan-error")
        self._mistakes = ColumnBox([self.mistake, self.programs])
        buttons = in_row(self.step, self.run_button, self.restore_button)
        asked = self.part, *self._settings.values(), self._mistakes, buttons
        super().__init__(*asked, self.wrong_result, self.sources, self.results)
        self.on_input(self._choose, self.part)
        on_change(self._show_mistake, self.mistake)
        self.on_input(self._on_step_edited, self.step)
        for name, box in self._settings.items():
            self.on_input(partial(self._on_slider_moved, name), *controls(box))
        self.attempt(self._choose)

    def _make_controls(self) -> None:
        self.length = slider("Length of x", 6, 1, 30, "Number of elements of x")
        self.first = slider("First number", -2.0, -3.0, 3.0, "x[0]")
        self.difference = slider("Difference", 1.0, -1.0, 1.0, "x[t+1] - x[t]")
        tooltip = "A number of the vector A"
        self.base = [slider(f"A[{i}]", value, -1.5, 1.5, tooltip) for i, value in enumerate((0.5, -0.9, 1.1))]
        self.power = slider("k", 8, 1, 30, "Number of multiplications by A")
        self.n_states = dropdown("States", [2, 3], "Number of states of the chain", 3)
        self.start = dropdown("Start", [(state, i) for i, state in enumerate(STATE_NAMES)], "The state at t = 0")
        self.steps = slider("Steps", 12, 1, 40, "Number of steps of the chain")
        transition = partial(slider, low=0.0, high=1.0, tooltip="Weight of the transition", width="20em", label="9em")
        self.weights = [
            [transition(f"{a} → {b}", weight) for b, weight in zip(STATE_NAMES, weights, strict=True)]
            for a, weights in zip(STATE_NAMES, INITIAL_WEIGHTS, strict=True)
        ]
        self.transitions = view()
        self._rows = [in_row(*weights) for weights in self.weights]
        message = "Weights of the transitions. The weights from a state, divided by their sum, are a column of A:"
        of_chain = (
            in_row(self.n_states, self.start, self.steps),
            make(widgets.HTML, message),
            *self._rows,
            self.transitions,
        )
        self._settings = {
            "Squares": in_row(self.length, self.first, self.difference),
            "Powers": in_row(*self.base, self.power),
            "Markov chain": ColumnBox(of_chain),
        }

    def _make_views(self) -> None:
        self.sources, self.numbers, self.timing, self.key = view(), view(), view(), view()
        self.graphs, self.steps_view, self.figure = view(), view(), plot()
        self.inside = unfolding(self.steps_view, "Graph of one step", "Show the graph inside scan too")
        graphs = ColumnBox([self.graphs, self.inside, self.steps_view])
        tooltip = "Show Theano's graph of the formula, before and after its optimisation"
        self.folded = unfolding(graphs, "Theano's graphs", tooltip)
        self.plotted = ColumnBox()
        plotted = self.numbers, self.key, self.plotted, self.timing
        self.results = ColumnBox([*plotted, self.folded, graphs])

    @property
    def example(self) -> Example:
        return EXAMPLES[self.part.value]

    @property
    def chosen(self) -> tuple[str, str]:
        """The chosen example and its step."""
        return self.part.value, self._steps[self.part.value]

    def transition_matrix(self) -> np.ndarray:
        """Return A, whose columns sum to 1; ValueError if all weights from a state are 0."""
        n = self.n_states.value
        weights = np.array([[entry.value for entry in row[:n]] for row in self.weights[:n]])
        for state, row in zip(STATE_NAMES, weights, strict=False):
            if not row.any():
                raise ValueError(f"all weights from {state} are 0: increase at least one of them")
        return (weights / weights.sum(axis=1, keepdims=True)).T

    def arguments(self) -> list[Any]:
        """Return the arguments of the chosen example's functions as the sliders and fields give them."""
        if self.part.value == "Squares":
            return [self.first.value + self.difference.value * np.arange(self.length.value)]
        if self.part.value == "Powers":
            return [np.array([entry.value for entry in self.base]), self.power.value]
        n = self.n_states.value
        return [np.eye(n)[min(self.start.value, n - 1)], self.transition_matrix(), self.steps.value]

    def run(self) -> None:
        """Compile in the background if necessary, and show the results."""
        name, mistake = self.part.value, self.mistake.value
        key = ("", "")
        if name != MISTAKES_PART:
            self.arguments()  # report invalid arguments before compiling
            key = self.chosen
        if key in self.compiled:
            self._show()
            return
        show(self.results, False)
        self.show_message("Compiling: this takes seconds, the first time up to a minute …")

        def work() -> Iterator[str]:
            if name == MISTAKES_PART:
                yield self._try(WRONG_PROGRAMS[mistake])
            else:
                self.compiled[key] = compile_example(EXAMPLES[name], key[1])

        def on_end() -> str:
            if name != self.part.value:
                return ""
            if name != MISTAKES_PART:
                if key != self.chosen:
                    raise StepError("The step has changed in the meantime: press Run again.")
                self._show()
                return "Compiled. The sliders now take effect at once."
            if mistake != self.mistake.value:
                return ""
            (self.wrong_result.value,) = self.work.events
            return "Both programs have run."

        if name == MISTAKES_PART or student_process.can_fork(THEANO):
            self.work.begin(work, on_end)
        else:  # the user can interrupt it only in the kernel's main thread
            list(work())
            self.show_message(on_end())

    def _try(self, mistake: WrongProgram) -> str:
        results = [run_program(program) for program in (mistake.wrong, mistake.fixed)]
        (error, where), (_, fixed) = results
        if error is None:
            heading, message = "Output, without an error:", text_box(escape(where), "Output")
        else:
            heading = f"Theano's message, from {escape(where)}"
            message = text_box(marked(error, mistake.marks), "Error message")
        return (
            f"<p><b>{heading}</b></p>{message}<p><b>How to read it</b></p><div class='lab-help'>{mistake.reading}</div>"
            f"<p><b>The fixed program prints</b></p>{text_box(escape(fixed), 'Output')}"
        )

    def _on_slider_moved(self, name: str) -> None:
        if name == "Markov chain":
            self._show_transitions()
        if name == self.part.value and self.chosen in self.compiled and not self.work.active:
            self._show()

    def _on_step_edited(self) -> None:
        self._steps[self.part.value] = self.step.value
        show(self.results, False)
        if self.chosen in self.compiled and not self.work.active:
            self._show()

    def restore(self) -> None:
        """Restore the step of the chosen example."""
        self.step.value = self.example.step

    def _choose(self) -> None:
        name = self.part.value
        for example, box in self._settings.items():
            show(box, example == name)
        for part in (self._mistakes, self.wrong_result):
            show(part, name == MISTAKES_PART)
        for part in (self.step, self.restore_button):
            show(part, name != MISTAKES_PART)
        show(self.results, False)
        if name == MISTAKES_PART:
            self.sources.value = ""
            self._show_mistake()
            return
        self.step.value = self._steps[name]
        inputs = ", ".join(name for name in INPUTS if f" {name}=" in self.example.scan)
        self.sources.value = f"<p><b>{inputs}</b>: {self.example.about}</p>" + _columns(
            ("NumPy loop", source(self.example.loop)), ("scan", source(THEANO_IMPORTS + "\n" + self.example.scan))
        )
        self._show_transitions()
        if self.chosen in self.compiled:
            self._show()

    def _show_mistake(self) -> None:
        chosen = WRONG_PROGRAMS[self.mistake.value]
        self.wrong_result.value = ""
        self.programs.value = _columns(
            ("With the mistake", source(THEANO_IMPORTS + chosen.wrong, numbers=True)),
            ("Fixed", source(THEANO_IMPORTS + chosen.fixed, numbers=True, other=THEANO_IMPORTS + chosen.wrong)),
        )

    def _show_transitions(self) -> None:
        n = self.n_states.value
        for i, row in enumerate(self._rows):
            show(row, i < n)
            row.children = self.weights[i][:n]
        if [index for _, index in self.start.options] != list(range(n)):
            self.start.options = [(state, i) for i, state in enumerate(STATE_NAMES[:n])]
        A, to = self.transition_matrix(), [f"to {state}" for state in STATE_NAMES[:n]]
        self.transitions.value = html.heat_map(A, to, STATE_NAMES[:n], 1.0, write="{:.3g}".format, caption="A, from")

    def _show(self) -> None:
        """Run both functions and show their results, times and graphs."""
        show(self.results, False)
        compiled = self.compiled[self.chosen]
        scan_results = evaluate(compiled, self.arguments())
        loop, scan = columns_of(scan_results.loop), columns_of(scan_results.scan)
        names = self._names(scan_results.loop)
        of_scan = names if len(names) == len(scan) else [f"[{i}]" for i in range(len(scan))]
        least = 1.0 if self.part.value == "Markov chain" else 0.0  # one scale for probabilities
        largest = float(max(np.abs(values[np.isfinite(values)]).max(initial=least) for values in (loop, scan)))
        table = partial(html.heat_map, largest=largest, write="{:.3g}".format)
        columns = [[str(t) for t in self._times(values.shape[1])] for values in (loop, scan)]
        tables = table(loop, names, columns[0]), table(scan, of_scan, columns[1])
        self.numbers.value = _columns(("NumPy loop", tables[0]), ("scan", tables[1]))
        show(self.results)
        self.plotted.children = [self.figure]  # only now: a figure that is drawn while hidden stays empty
        self._plot(names, loop, scan)
        times = ", ".join(f"{time_in_words(value)} ({name}, median of {n})" for name, value, n in scan_results.times)
        printed = f"<p>The step printed, as scan built its graph:</p>{text_box(escape(compiled.printed), 'Output')}"
        agree, difference = scan_results.compare()
        self.timing.value = (
            f"<p><b>{agree}</b>: {difference}. One call takes {times}; building and compiling the scan took "
            f"{time_in_words(compiled.seconds)}, once. With so few numbers, the overhead of each step dominates."
            f"</p>{printed if compiled.printed else ''}"
        )
        if self._drawn != self.chosen:
            self._drawn = self.chosen
            self._show_graphs(compiled)

    def _names(self, values: np.ndarray) -> list[str]:
        if self.part.value == "Squares":
            return ["y"]
        return [f"A[{i}]" for i in range(3)] if self.part.value == "Powers" else list(STATE_NAMES[: values.shape[1]])

    def _times(self, n: int) -> range:
        return range(n) if self.part.value == "Squares" else range(1, n + 1)

    def _plot(self, names: list[str], loop: np.ndarray, scan: np.ndarray) -> None:
        line, points = self.figure.marks
        key = html.key((name, colour, "●") for name, colour in zip(names, LINES, strict=False))
        self.key.value = f"Line: NumPy loop; points: scan. {key}"
        times = np.array(self._times(max(loop.shape[1], scan.shape[1])))
        self.figure.axes[0].tick_values = np.arange(times[0], times[-1] + 1, 1 + len(times) // 16)
        put(line, times[: loop.shape[1]], loop)
        drawn = scan[: len(LINES)]
        row, column = np.nonzero(np.isfinite(drawn))
        put(points, times[column], drawn[row, column], colors=[LINES[i] for i in row] or [LINES[0]])

    def _show_graphs(self, compiled: Compiled) -> None:
        graphs = {"as written": compiled.symbol, "optimised": compiled.by_scan}
        drawings = (
            (f"{name}: {graph_drawing.n_operations(graph)} operations", _graph(graph)) for name, graph in graphs.items()
        )
        self.graphs.value = f"<p>{HOW_TO_READ}</p><p>{graph_drawing.legend()}</p>{_columns(*drawings)}"
        inner = []
        for name, graph in graphs.items():
            steps = "".join(map(_graph, graph_drawing.steps_of(graph)))
            inner.append((f"one step, {name}", steps or "<p>No scan: the optimiser removed the loop.</p>"))
        self.steps_view.value = _columns(*inner)

    def code(self) -> str:
        if self.part.value == MISTAKES_PART:
            return THEANO_IMPORTS + WRONG_PROGRAMS[self.mistake.value].fixed
        given = ", ".join(literal(value) for value in self.arguments())
        return (
            f"{THEANO_IMPORTS}{self.example.loop}\n{self.step.value}\n{self.example.scan}\narguments = [{given}]\n"
            "print(by_loop(*arguments))\nprint(by_scan(*arguments))\n"
            "print(np.allclose(by_loop(*arguments), by_scan(*arguments)))\n"
            "theano.printing.debugprint(by_scan)\n"
        )


def literal(value: object) -> str:
    """Return an argument as Python code."""
    return f"np.array({value.tolist()})" if isinstance(value, np.ndarray) else repr(value)


def slider(
    name: str, value: float, low: float, high: float, tooltip: str, width: str = "23em", label: str = "10em"
) -> widgets.IntSlider | widgets.FloatSlider:
    """Make a slider, for integers if `value` is an integer."""
    if isinstance(value, int):
        return field(widgets.IntSlider, name, value, tooltip, width, label, min=low, max=high)
    options: dict[str, Any] = {"min": low, "max": high, "step": 0.05, "readout_format": ".2f"}
    return field(widgets.FloatSlider, name, value, tooltip, width, label, **options)


def plot() -> bqplot.Figure:
    """Make the figure: a line for the loop, points for scan."""
    across, up = bqplot.LinearScale(), bqplot.LinearScale()
    style = {"x": [], "y": [], "scales": {"x": across, "y": up}, "colors": list(LINES)}
    marks = [bqplot.Lines(**style), bqplot.Scatter(default_size=24, **style)]
    axes = bqplot.Axis(scale=across, label="t", tick_format="d"), side_axis(up, "", ".3~g")
    return figure(*axes, marks=marks, size=(700, 260))


def _columns(*views: tuple[str, str]) -> str:
    """Return pieces of HTML, each below its heading, side by side."""
    return html.side_by_side((html.headed(heading, view) for heading, view in views), columns=True)


def _graph(graph: Any) -> str:
    return html.scrolled(graph_drawing.draw(graph), "lab-graph", "Graph")
