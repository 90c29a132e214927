import re
import subprocess
import sys
from html import unescape

import numpy as np
import pytest

from lab import ScanPanel
from lab.panels.scan.examples import EXAMPLES
from lab.panels.scan.panel import MISTAKES_PART
from lab.panels.scan.programs import THEANO_IMPORTS, marked, run_program, source
from lab.panels.scan.wrong_programs import WRONG_PROGRAMS

pytestmark = pytest.mark.theano


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
    panel.run_button.click()
    if panel.job is not None:
        panel.job.wait(300)
    assert "alert" not in panel.message.value


@pytest.mark.process
def test_making_the_panel_does_not_import_theano():
    script = "import sys; from lab import ScanPanel; ScanPanel(); print('theano' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_loop_and_scan_agree_and_are_timed(panel, name):
    run(panel, name)
    assert "They agree" in panel.timing.value
    assert len(re.findall(r"median of \d+", panel.timing.value)) == 2


def test_before_run_nothing_is_shown():
    panel = ScanPanel()
    assert panel.results.layout.display == "none"
    for name, example in EXAMPLES.items():
        panel.part.value = name
        assert "None" not in panel.sources.value
        assert len(example.about) > 50
    panel.length.value = 3
    assert panel.results.layout.display == "none"
    assert panel.job is None


def test_sliders_act_at_once(panel):
    run(panel, "Squares")
    panel.length.value = 3
    line, _ = panel.figure.marks
    np.testing.assert_allclose(np.ravel(line.y), [4, 1, 0])
    run(panel, "Powers")
    panel.power.value = 2
    line, points = panel.figure.marks
    np.testing.assert_allclose(line.y[:, 1], [0.25, 0.81, 1.21])
    np.testing.assert_allclose(points.y, np.ravel(line.y))


def test_the_columns_of_the_transition_matrix_sum_to_one(panel):
    panel.part.value = "Markov chain"
    panel.n_states.value = 2
    panel.weights[0][0].value, panel.weights[0][1].value = 0.2, 0.6
    np.testing.assert_allclose(panel.transition_matrix()[:, 0], [0.25, 0.75])
    assert panel.transition_matrix().shape == (2, 2)


def test_a_chain_that_swings_between_two_states(panel):
    panel.n_states.value = 2
    for i in range(2):
        for j in range(2):
            panel.weights[i][j].value = float(i != j)
    panel.steps.value = 3
    run(panel, "Markov chain")
    line, _ = panel.figure.marks
    np.testing.assert_allclose(line.y, [[0, 1, 0], [1, 0, 1]])


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
    assert "Read a graph from top to bottom" in panel.graphs.value
    graphs = panel.results.children[-1]
    assert graphs.layout.display == "none"
    panel.folded.value = True
    assert graphs.layout.display is None
    assert re.search(r"as written: \d+ operations.*optimised: \d+ operations", panel.graphs.value)
    assert panel.steps_view.layout.display == "none"
    panel.inside.value = True
    assert panel.steps_view.layout.display is None
    assert ">dot<" in panel.steps_view.value


def test_the_loop_of_the_squares_is_optimised_away(panel):
    run(panel, "Squares")
    assert "the optimiser removed the loop" in panel.steps_view.value


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_code_runs_alone(panel, name, capsys):
    panel.part.value = name
    exec(panel.code(), {})
    assert "True" in capsys.readouterr().out


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
    assert mistake.reading
    assert name[0].isalpha()


def test_a_mistake_is_run_and_explained(panel):
    panel.mistake.value = "A matrix does not match the vector"
    run(panel, MISTAKES_PART)
    shown = panel.wrong_result.value
    assert "<mark>Shape mismatch" in shown
    assert "from line 12: print(project(" in shown
    assert "(5, 3)" in shown
    panel.mistake.value = "Two sequences have different lengths"
    assert panel.wrong_result.value == ""
    run(panel, MISTAKES_PART)
    assert "without an error" in panel.wrong_result.value


def test_marks_are_escaped():
    assert marked("a <b> c", ("<b>",)) == "a <mark>&lt;b&gt;</mark> c"
