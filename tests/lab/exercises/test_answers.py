"""Answers of students, right and wrong, and what their checks say of them: tests/lab/answers/README.md."""

import re
from pathlib import Path

import pytest

from lab import check
from lab.exercises import repair, solutions
from lab.exercises.hints import EXERCISES
from lab.widgets import limit
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from tests.lab.answers import BEFORE, IMPORTS, everything, table

pytestmark = pytest.mark.theano

DOCS = Path(__file__).parents[3] / "docs" / "answers.md"
START = (
    "import numpy as np\nimport theano\nimport theano.tensor as T\nfrom scipy.special import expit as logistic\n"
    "from lxmls_rnn.deep_learning.rnn import LSTM, RNN"
)


def _parameter(answer):
    framework = FRAMEWORKS.get(answer.exercise.split("_")[0], FRAMEWORKS["numpy"])
    marks = [pytest.mark.skipif(bool(framework.missing), reason=framework.missing)]
    if answer.slow:
        marks.append(pytest.mark.slow("Theano compiles gradients, some seconds"))
    return pytest.param(answer, marks=marks, id=str(answer))


def judged(answer, folder):
    """Return the verdict on an answer, whose cells lie in files that tracebacks can quote."""
    space = {}

    def cell(code, name):
        (folder / name).write_text(code)
        exec(compile(code, str(folder / name), "exec"), space)

    framework = answer.exercise.split("_")[0]
    cell(START, "start.py")
    cell(IMPORTS.get(framework, ""), f"{framework}.py")
    for before in BEFORE.get(answer.exercise, ()):
        cell(solutions.code(before), f"{before}.py")
    cell(answer.code, "cell.py")
    (name,) = re.findall(r"^(?:def|class) (\w+)", solutions.code(answer.exercise), re.MULTILINE)
    return getattr(check, answer.exercise)(space[name])


@pytest.mark.parametrize("answer", [_parameter(answer) for answer in everything()])
def test_an_answer_gets_its_verdict(answer, tmp_path, monkeypatch):
    monkeypatch.setattr(repair, "MAX_REPAIR_SECONDS", 10.0)  # on a busy machine too
    if "still running" in answer.says:
        monkeypatch.setattr(limit, "MAX_SECONDS", 0.2)
        monkeypatch.setattr(limit, "MAX_COMPILING_SECONDS", 0.2)
        monkeypatch.setattr(limit, "STOPPING_SECONDS", 0.1)
    verdict = judged(answer, tmp_path)
    assert verdict.state == answer.state, verdict.text
    assert [part for part in answer.says if part not in verdict.text] == [], verdict.text
    assert answer.says or answer.state != "not right"


@pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not in the image")
def test_the_table_of_the_docs_is_that_of_the_answers():
    assert table() in DOCS.read_text(encoding="utf-8")


def test_most_wrong_answers_get_the_right_cause_and_few_a_misleading_one():
    causes = [max(answer.marks, key="~=!".index) for answer in everything() if answer.state == "not right"]
    assert causes.count("=") >= 0.85 * len(causes)
    assert causes.count("!") <= 0.01 * len(causes)


def test_there_are_right_and_wrong_answers_to_every_exercise():
    assert {(answer.exercise, answer.state) for answer in everything()} >= {
        (exercise, state) for exercise in EXERCISES for state in ("right", "not right")
    }
