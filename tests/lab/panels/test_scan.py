import os
import re
import signal
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest

from lab import ScanPanel
from lab.panels.scan import step
from lab.panels.scan.examples import EXAMPLES
from lab.panels.scan.graph_drawing import n_operations
from lab.panels.scan.panel import MISTAKES_PART
from lab.panels.scan.programs import THEANO_IMPORTS, marked, run_program, source
from lab.panels.scan.step import Compiled, StepError, evaluate
from lab.panels.scan.wrong_programs import WRONG_PROGRAMS
from lab.widgets.controls import is_hidden


@pytest.fixture(scope="module")
def shared():
    """A panel that has compiled its examples."""
    panel = ScanPanel()
    for name in EXAMPLES:
        run(panel, name)
    return panel


@pytest.fixture
def panel(shared):
    new = ScanPanel()
    new.compiled = shared.compiled
    return new


def run(panel, part):
    panel.part.value = part
    press_run(panel)
    assert "alert" not in panel.message.value


def press_run(panel):
    panel.run_button.click()
    if panel.work.job is not None:
        panel.work.job.wait()
    return unescape(panel.message.value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_loop_and_scan_agree_and_are_timed_and_the_code_runs_alone(panel, name, capsys):
    fresh = ScanPanel()
    fresh.part.value = name
    assert is_hidden(fresh.results)
    assert "None" not in fresh.sources.value
    inputs = {"Squares": "sequences"}.get(name, "outputs_info, non_sequences")
    assert f"<b>{inputs}</b>: " in fresh.sources.value
    run(panel, name)
    assert "They agree" in panel.timing.value
    assert len(re.findall(r"median of \d+", panel.timing.value)) == 2
    assert ("the optimiser removed the loop" in panel.steps_view.value) == (name == "Squares")
    exec(panel.code(), {})
    assert "True" in capsys.readouterr().out


def test_sliders_act_at_once(panel):
    run(panel, "Squares")
    panel.length.value = 3
    line, _ = panel.figure.marks
    np.testing.assert_allclose(np.ravel(line.y), [4, 1, 0])
    panel.first.value, panel.difference.value = 3, -0.5
    np.testing.assert_allclose(np.ravel(line.y), [9, 6.25, 4])
    run(panel, "Powers")
    panel.power.value = 2
    line, points = panel.figure.marks
    np.testing.assert_allclose(line.y[:, 1], [0.25, 0.81, 1.21])
    np.testing.assert_allclose(points.y, np.ravel(line.y))
    colours = re.findall(r"color:(#\w+)\">●", panel.key.value)
    assert list(points.colors) == np.repeat(colours, 2).tolist()


def test_the_columns_of_the_transition_matrix_sum_to_one(panel):
    panel.part.value = "Markov chain"
    panel.n_states.value = 2
    panel.weights[0][0].value, panel.weights[0][1].value = 0.2, 0.6
    np.testing.assert_allclose(panel.transition_matrix()[:, 0], [0.25, 0.75])
    assert panel.transition_matrix().shape == (2, 2)
    assert "to cloudy, sunny: 0.75" in unescape(panel.transitions.value)
    for i in range(2):
        for j in range(2):
            panel.weights[i][j].value = float(i != j)
    panel.steps.value = 3
    run(panel, "Markov chain")
    line, _ = panel.figure.marks
    np.testing.assert_allclose(line.y, [[0, 1, 0], [1, 0, 1]])
    panel.start.value = 1
    np.testing.assert_allclose(line.y, [[1, 0, 1], [0, 1, 0]])


def test_a_row_without_weight_is_named_and_the_panel_goes_on(panel):
    panel.part.value = "Markov chain"
    for entry in panel.weights[1]:
        entry.value = 0.0
    panel.run_button.click()
    assert "all weights from cloudy are 0" in panel.message.value
    panel.weights[1][0].value = 1.0
    run(panel, "Markov chain")
    assert "They agree" in panel.timing.value


def test_graphs_are_drawn_as_written_and_optimised(panel):
    run(panel, "Markov chain")
    assert panel.graphs.value.count("<svg") == 2
    graphs = panel.results.children[-1]
    assert is_hidden(graphs)
    panel.folded.value = True
    assert not is_hidden(graphs)
    compiled = panel.compiled[panel.chosen]
    written, optimised = (str(n_operations(graph)) for graph in (compiled.symbol, compiled.by_scan))
    assert written != optimised  # else either order would do
    counts = re.findall(r"(as written|optimised): (\d+) operations", panel.graphs.value)
    assert counts == [("as written", written), ("optimised", optimised)]
    assert is_hidden(panel.steps_view)
    panel.inside.value = True
    assert not is_hidden(panel.steps_view)
    assert ">dot<" in panel.steps_view.value


@pytest.mark.parametrize("name", WRONG_PROGRAMS)
def test_each_mistake_shows_what_its_explanation_marks_and_is_mended(name):
    mistake = WRONG_PROGRAMS[name]
    error, where = run_program(mistake.wrong)
    if mistake.marks:
        assert "<mark>" in marked(error, mistake.marks)
    else:
        assert error is None
    if error is not None:
        number, line = re.fullmatch(r"line (\d+): (.+)", where).groups()
        shown = unescape(source(THEANO_IMPORTS + mistake.wrong, numbers=True))
        assert re.search(rf"(?m)^(<pre[^>]*>)? *{number} +{re.escape(line)}(</pre.*)?$", shown)
    assert run_program(mistake.fixed)[0] is None


def test_a_mistake_is_run_and_explained(panel):
    panel.mistake.value = "A matrix does not match the vector"
    run(panel, MISTAKES_PART)
    assert "<mark>Shape mismatch" in panel.wrong_result.value
    assert "from line 12: print(project(" in panel.wrong_result.value
    panel.mistake.value = "Two sequences have different lengths"
    assert panel.wrong_result.value == ""
    run(panel, MISTAKES_PART)
    assert "without an error" in panel.wrong_result.value
    assert marked("a <b> c", ("<b>",)) == "a <mark>&lt;b&gt;</mark> c"


def test_an_edited_step_is_run_and_shows_the_value_at_each_step(panel):
    run(panel, "Squares")
    panel.step.value = "def step(x_t):\n    print(type(x_t).__name__)\n    return 2 * x_t + np.float64(1)\n"
    assert is_hidden(panel.results)  # those of another step
    run(panel, "Squares")
    assert not is_hidden(panel.results)
    _, points = panel.figure.marks
    np.testing.assert_allclose(points.y, [-3, -1, 1, 3, 5, 7])
    assert "They do NOT agree</b>: largest difference" in panel.timing.value
    assert "The step printed, as scan built its graph" in panel.timing.value
    assert ">TensorVariable\n<" in panel.timing.value  # once
    panel.length.value = 2
    np.testing.assert_allclose(points.y, [-3, -1])
    exec(panel.code(), {})
    assert "return 2 * x_t" in panel.code()
    run(panel, "Powers")
    assert panel.step.value == EXAMPLES["Powers"].step
    panel.part.value = "Squares"
    assert "return 2 * x_t" in panel.step.value
    panel.restore_button.click()
    assert panel.step.value == EXAMPLES["Squares"].step
    assert "They agree" in panel.timing.value  # it was compiled before
    assert not is_hidden(panel.results)


@pytest.mark.parametrize(
    ("part", "step", "says"),
    [
        ("Squares", "def step(x_t):\n    return x_t ** (2\n", "Line 2 of the step, 'return x_t ** (2': SyntaxError: "),
        ("Squares", "def step(x_t):\n    return z_t\n", "Line 2 of the step, 'return z_t': NameError: name 'z_t'"),
        ("Squares", "steps = 3", "The text defines no function step: it must begin with def step(...):"),
        ("Squares", "raise SystemExit(3)", "Line 1 of the step, 'raise SystemExit(3)': SystemExit: 3"),
        ("Squares", "def step(x_t):\n    return [x_t, x_t]", "The step returns several results: expected one."),
        ("Powers", "def step(x):\n    return x", "in this order"),
        ("Powers", "def step(x, A):\n    return x.sum()", "outputs_info"),
        (
            "Markov chain",
            "def step(s_prev, A):\n    B = A[:2]\n    return T.dot(B.T, s_prev)",
            "Line 3 of the step, 'return T.dot(B.T, s_prev)': ValueError: ",
        ),
    ],
)
def test_a_step_that_fails_is_explained_with_its_line(panel, part, step, says):
    panel.part.value = part
    panel.step.value = step
    said = press_run(panel)
    assert says in said
    assert 'role="alert"' in said
    assert "Traceback" not in said
    assert is_hidden(panel.results)
    panel.restore()
    run(panel, part)
    assert "They agree" in panel.timing.value


# as if the limit were over: its timer sends this signal
TIME_IS_UP = "__import__('signal').raise_signal(__import__('signal').SIGPROF)"


def test_a_step_that_never_ends_is_stopped(panel):
    panel.part.value = "Squares"
    panel.step.value = f"def step(x_t):\n    while True:\n        {TIME_IS_UP}"
    assert f"Line 3 of the step, {TIME_IS_UP!r}: The step is still running after 10 s of computing: does" in press_run(
        panel
    )


def test_a_step_that_ends_python_does_not_end_the_kernel(panel):
    panel.part.value = "Squares"
    panel.step.value = "def step(x_t):\n    import os\n    os._exit(3)"
    assert "The step took too much memory, or crashed or ended Python" in press_run(panel)


def test_without_a_fork_the_panel_compiles_in_the_kernel_and_an_interrupt_stops_it(panel, monkeypatch):
    monkeypatch.delattr(os, "fork")
    panel.part.value = "Squares"
    panel.step.value = "def step(x_t):\n    raise KeyboardInterrupt"
    panel.run_button.click()
    assert "Line 2 of the step, 'raise KeyboardInterrupt': KeyboardInterrupt" in unescape(panel.message.value)
    assert panel.work.job is None
    panel.restore()
    panel.run_button.click()
    assert "They agree" in panel.timing.value


def test_results_of_another_shape_or_that_are_not_finite_are_shown(panel):
    panel.part.value = "Squares"
    panel.step.value = "def step(x_t):\n    return T.log(x_t) * np.ones(20)"
    run(panel, "Squares")
    assert "the result of the loop has the shape (6,), that of scan (6, 20)" in panel.timing.value
    assert panel.numbers.value.count('<th scope="row">[') == 12
    assert np.isfinite(panel.figure.marks[1].y).all()
    assert not panel.message.value or "alert" not in panel.message.value
    panel.step.value = "def step(x_t):\n    return T.log(x_t)"
    run(panel, "Squares")
    assert "They do NOT agree</b>: numbers of scan are not finite (NaN or infinite)" in panel.timing.value


def test_a_compiled_function_that_takes_too_long_is_stopped():
    example = EXAMPLES["Squares"]
    compiled = Compiled(example, example.step, None, lambda x: signal.raise_signal(signal.SIGPROF), 0.0, "")
    with pytest.raises(StepError, match="still running after 10 s"):
        evaluate(compiled, [np.zeros(3)])


def test_a_median_time_leaves_out_the_first_call_and_fills_its_seconds(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(step, "time", SimpleNamespace(perf_counter=lambda: sum(now)))
    durations = iter([100.0, 1.0, 2.0, 60.0])
    assert step.median_time(lambda: now.append(next(durations)), seconds=0, at_least=3) == (2.0, 3)
    assert next(durations, None) is None
    assert step.median_time(lambda: now.append(0.25), seconds=2.0) == (0.25, 8)
