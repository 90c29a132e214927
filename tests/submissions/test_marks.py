"""Students' solutions run again: right, claimed, cheating and hostile ones."""

import csv
import json
import socket
from pathlib import Path

import pytest
from class_of_thirty import HOSTILE, check_of, hand_in, notebook, student
from typer.testing import CliRunner

from lab.exercises import solutions
from lxmls_rnn.classroom import OPTIONAL, read_class
from lxmls_rnn.cli.main import app
from lxmls_rnn.submissions import isolation
from lxmls_rnn.submissions.marks import Runner, _code_cells, _tasks, handed_out, mark_student, read, weights_of

try:
    isolation.prefix()
    NOT_ISOLATED = ""
except RuntimeError as error:
    NOT_ISOLATED = str(error)
needs_isolation = pytest.mark.skipif(bool(NOT_ISOLATED), reason=f"namespaces are forbidden here: {NOT_ISOLATED}")


def check(place, *options):
    """Run `class check` on the folder `class` of a place; return the lines of marks.csv by student, and the output."""
    arguments = ["class", "check", str(place / "class"), str(place / "marks"), *options]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    with (place / "marks/marks.csv").open() as file:
        return {line["student"]: line for line in csv.DictReader(file)}, result.output


def tasks_of(folder, content):
    """Return the tasks of a notebook by exercise."""
    path = folder / "notebook.ipynb"
    path.write_text(json.dumps(content))
    return {task.exercise: task for task in _tasks(_code_cells(path), handed_out())}


@needs_isolation
@pytest.mark.slow("runs code of thirty students, some of which hangs: two minutes")
def test_a_class_of_thirty_is_marked_in_one_command(tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0)
    hand_in(tmp_path / "class", listener.getsockname()[1], Path.home())
    before = {path: path.read_bytes() for path in (tmp_path / "class").rglob("*.json")}
    marks, output = check(tmp_path, "--seconds", "10")
    assert len(marks) == 30
    points = {name: float(line["points"]) for name, line in marks.items()}
    assert {name for name, number in points.items() if number == 6} == {
        "anna01", "anna02", "anna03", "misplaced", "zipped"
    }  # fmt: skip
    assert {points[f"ben{n:02}"] for n in (1, 2, 3)} == {5}
    assert points["renaming"] == points["moving"] == points["copying"] == 1
    for name in HOSTILE.keys() - {"forging"}:
        assert (points[name], marks[name]["errors"]) == (1, "1.0"), name  # the next exercise counts all the same
        assert marks[name]["stored as right, not earned"] == "forward"
    assert marks["claiming"]["stored as right, not earned"].startswith("forward, errors, gradients")
    assert marks["forging"]["look at the code"] == "forward: __code__, lab.exercises"
    for name in ("empty", "nothing", "torn", "deep", "broken", "misplaced"):
        assert marks[name]["problems"], name
    assert {path: path.read_bytes() for path in before} == before
    assert not (Path.home() / "x").exists()
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert len(list((tmp_path / "marks").glob("*.html"))) == 30
    table = output[output.index("student  ") : output.index("Exercises: ")].splitlines()
    assert max(map(len, table)) <= 80


@needs_isolation
@pytest.mark.process
def test_points_are_those_that_the_code_earns(tmp_path):
    code = solutions.code("squares").replace("def my", "import os\nprint(os.listdir('.'))\ndef my")
    wrong = {"forward": "def my_forward(*arguments):\n    return 1", "squares": code}
    right = {"state": "right", "tries": 1, "hints": 0, "solution": False}
    student(tmp_path / "class/anna", notebook(**wrong), forward=right, markov=right, squares=right)
    (tmp_path / "weights.json").write_text('{"squares": 2.5, "markov": 0}')
    marks, output = check(tmp_path, "--weights", str(tmp_path / "weights.json"))
    assert marks["anna"]["points"] == marks["anna"]["squares"] == "2.5"
    assert marks["anna"]["of"] == "12.5"
    assert marks["anna"]["stored as right, not earned"] == "forward, markov"
    assert marks["anna"]["look at the code"] == "squares: os"
    stored = read(tmp_path / "marks/marks.json").marks[0]
    assert stored.answers["forward"].text.startswith("Expected the results z, a, h, y, p")
    assert "look at os" in output
    assert "✗···✓" in output


@pytest.mark.process
def test_a_process_that_ends_costs_only_its_exercise(tmp_path):
    killing = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
    folder = tmp_path / "class/anna"
    student(folder, notebook(forward=killing, squares=solutions.code("squares")))
    out = handed_out()
    (anna,) = read_class(folder.parent)
    marks = mark_student(anna, out, weights_of(out.names, None), Runner(None))
    assert marks.answers["forward"].text == "The process that runs the code ended."
    assert (marks.answers["squares"].state, marks.points) == ("right", 1)


@pytest.mark.process
def test_nobody_is_marked_where_the_code_cannot_be_run(tmp_path):
    student(tmp_path / "class/anna", notebook(squares=solutions.code("squares")))
    (anna,) = read_class(tmp_path / "class")
    out = handed_out()
    with pytest.raises(RuntimeError, match=r"does not start: .*no-such-python"):
        mark_student(anna, out, weights_of(out.names, None), Runner(["env", "no-such-python"]))


@pytest.mark.process
def test_the_reason_of_docker_is_shown_but_not_its_usage(tmp_path, monkeypatch):
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        "#!/bin/sh\nprintf 'docker: no such image\\n\\nSee %s.\\n' \"'docker run --help'\" >&2\nexit 125\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(docker.parent), prepend=":")
    student(tmp_path / "class/anna", notebook(squares=solutions.code("squares")))
    (anna,) = read_class(tmp_path / "class")
    out = handed_out()
    with pytest.raises(RuntimeError, match=r"does not start: docker: no such image$"):
        mark_student(anna, out, weights_of(out.names, None), Runner(None, container="missing"))


@pytest.mark.process
def test_without_isolation_the_teacher_has_to_say_so(tmp_path, monkeypatch):
    student(tmp_path / "class/anna", notebook())
    monkeypatch.setattr(isolation, "UNSHARE", ("no-such-command",))
    result = CliRunner().invoke(app, ["class", "check", str(tmp_path / "class"), str(tmp_path / "marks")])
    assert result.exit_code == 1
    assert "cannot be isolated here (no-such-command" in result.output
    assert "--container lxmls-rnn-lab" in result.output
    assert check(tmp_path, "--unprotected")[0]["anna"]["points"] == "0"


def test_what_was_handed_out_names_each_exercise_and_what_is_checked():
    names = handed_out().names
    assert names["forward"] == "my_forward"
    assert names["lstm"] == "MyLSTM"
    weights = weights_of(names, None)
    assert {name for name, weight in weights.items() if not weight} == set(OPTIONAL)


def test_a_weight_of_an_unknown_exercise_is_an_error(tmp_path):
    (tmp_path / "weights.json").write_text('{"foward": 1}')
    with pytest.raises(ValueError, match=r"weights\.json: no exercise foward"):
        weights_of(["forward"], tmp_path / "weights.json")


def test_only_exercises_that_were_begun_are_run(tmp_path):
    assert tasks_of(tmp_path, notebook()) == {}
    assert list(tasks_of(tmp_path, notebook(markov="x = 1"))) == ["markov"]


def test_cells_of_other_exercises_are_run_only_if_they_are_used(tmp_path):
    codes = {name: solutions.code(name) for name in ("forward", "lstm_gates", "lstm_step", "lstm")}
    tasks = tasks_of(tmp_path, notebook(**codes))
    ran = {name: [cell.source for cell in task.cells if cell.is_run] for name, task in tasks.items()}
    assert ran["lstm"] == [codes["lstm_gates"], codes["lstm_step"], codes["lstm"]]
    assert ran["lstm_gates"] == [codes["lstm_gates"]]


def test_names_come_from_the_students_check_and_from_the_one_that_was_handed_out(tmp_path):
    content = notebook(forward="def mine(): pass")
    content["cells"][check_of(content, "forward")]["source"] = "check.forward(mine)"
    assert tasks_of(tmp_path, content)["forward"].names == ["mine", "my_forward"]


def test_cells_that_lost_their_marks_are_known_by_their_ids(tmp_path):
    content = notebook(forward="def my_forward(): pass")
    for cell in content["cells"]:
        cell["metadata"] = {}
    assert [cell.source for cell in tasks_of(tmp_path, content)["forward"].cells if cell.is_own] == [
        "def my_forward(): pass"
    ]


@pytest.mark.parametrize("content", ["{", "[]", "3", '{"cells": 3}', '{"cells": [3]}', "[" * 100_000])
def test_a_damaged_notebook_is_a_value_error(tmp_path, content):
    (tmp_path / "bad.ipynb").write_text(content)
    with pytest.raises(ValueError, match=r"\w"):
        _code_cells(tmp_path / "bad.ipynb")
