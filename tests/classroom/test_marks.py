"""Students' solutions run again: right, claimed, honest in unusual ways, damaged and hostile ones."""

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from class_of_thirty import HOSTILE, check_of, hand_in, notebook, student
from classroom.marked import mark, needs_isolation
from typer.testing import CliRunner

from lab.exercises.exercise import EXERCISES
from lxmls_rnn.classroom import isolation
from lxmls_rnn.classroom.marks import Marking, Runner, handed_out, read, weights_of
from lxmls_rnn.classroom.progress import read_class
from lxmls_rnn.classroom.tasks import NOT_CHECKED
from lxmls_rnn.cli.main import app
from lxmls_rnn.deep_learning.frameworks import TORCH

FORWARD, SQUARES, NUMERIC = (EXERCISES[name].solution for name in ("forward", "squares", "numeric"))
LSTM = {name: EXERCISES[name].solution for name in ("lstm_gates", "lstm_step", "lstm")}


def check(place, *options):
    """Run `class check` on the folder `class` of a place; return the lines of marks.csv by student, and the output."""
    arguments = ["class", "check", str(place / "class"), str(place / "marks"), *options]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    with (place / "marks/marks.csv").open() as file:
        return {line["student"]: line for line in csv.DictReader(file)}, result.output


def cell(source):
    return {"cell_type": "code", "metadata": {}, "source": source}


def above(exercise, source, **codes):
    """Return a notebook with another cell above an exercise's cell."""
    content = notebook(**codes)
    content["cells"].insert(check_of(content, exercise) - 1, cell(source))
    return content


def below(exercise, source, **codes):
    """Return a notebook with another cell in place of an exercise's check."""
    content = notebook(**codes)
    content["cells"][check_of(content, exercise)] = cell(source)
    return content


@needs_isolation
@pytest.mark.daily("runs code of thirty students, some of which hangs: two minutes")
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
    for name in HOSTILE:
        assert (points[name], marks[name]["errors"]) == (1, "1.0"), name  # the next exercise counts all the same
    unmarked = {name for name in HOSTILE if marks[name]["stored as right, not earned"] != "forward"}
    assert unmarked <= {"hanging", "forking"}  # they wait: to be marked again
    assert marks["claiming"]["stored as right, not earned"].startswith("forward, errors, gradients")
    for name in ("empty", "nothing", "torn", "deep", "broken", "misplaced"):
        assert marks[name]["problems"], name
    assert {path: path.read_bytes() for path in before} == before
    assert not (Path.home() / "x").exists()
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert len(list((tmp_path / "marks").glob("*.html"))) == 30
    table = output[output.index("student  ") : output.index("Exercises: ")].splitlines()
    assert max(map(len, table)) <= 80


IMPORT, NUMPY = "from scipy.special import expit as logistic\n", "import numpy as np\n"
OWN_LOGISTIC = FORWARD.replace(IMPORT, "")
COMPARED = """
model = NumpyRNN(nr_words, emb_size, hidden_size, nr_tags, seed=1)
print(f"{np.abs(my_forward(x0, *model.param)[-1] - model.forward(x0)).max():.1e}")
check.forward(my_forward)
if check.passed('forward'):
    print('!')
"""
UNUSED = "from lxmls_rnn.teaching.gradient_check import relative_difference\n"
DEFINED = "def logistic(a):\n    return 1 / (1 + np.exp(-a))"
RENAMED = FORWARD.replace("my_forward", "forward_pass")
COMMANDS = "%%time\n!ls\nfiles = !ls\n%matplotlib inline\n?np.outer\n"
HONEST = {
    "an import that is not used, and helper lines below": notebook(forward=UNUSED + FORWARD + COMPARED),
    "a constant in another cell": above("numeric", "STEP = 10 ** -4", numeric=NUMERIC.replace("1e-4", "STEP")),
    "a helper below the check": below("forward", f"check.forward(my_forward)\n{DEFINED}", forward=OWN_LOGISTIC),
    "a renamed answer": below("forward", "check.forward(forward_pass)", forward=RENAMED),
    "a renamed answer without a check": below("forward", "", forward=RENAMED),
    "commands of IPython": above(
        "forward", "%%bash\nfor f in *; do echo $f; done", forward=f"{COMMANDS}{FORWARD}\nnp.outer?"
    ),
    "a scratch cell that fails": above("forward", "print(my_forwrd(x0)\n", forward=FORWARD),
    "imports only in the first cell": notebook(forward=FORWARD.replace(NUMPY, "")),
    "a star import": above("forward", "from numpy import *", forward=FORWARD.replace("np.", "").replace(NUMPY, "")),
    "the answer in a new cell": above("forward", FORWARD),
    "the answer in a copy": above("forward", FORWARD.replace("my_forward", "mine"), forward="my_forward = mine"),
}
SCHOOL = {name: EXERCISES[name].solution for name in ("backpropagation", "log_forward")}
OTHERS = {
    "lstm": notebook(**LSTM),
    "failing": notebook(**{**LSTM, "lstm_gates": f"raise ValueError('not yet')\n{LSTM['lstm_gates']}"}),
    "handed out": notebook(**{
        name: f"{code}\nprint()" for name, code in handed_out().cells.items() if EXERCISES[name].framework == "numpy"
    }),
    "school": notebook(**SCHOOL),
    "wrong": notebook(backpropagation=SCHOOL["backpropagation"].replace("W_h.T @ error_raw", "W_h @ error_raw")),
    "copy": notebook(),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of a class of honest students and others."""
    return tmp_path_factory.mktemp("class")


@pytest.fixture(scope="module")
def marks(place):
    """Their marks, by their names in `HONEST` and `OTHERS`; "scratch" has many notebooks beside the one handed out."""
    for n in range(11):
        student(place / f"scratch/00-scratch {n}", notebook(forward="def my_forward(*a): return 1"))
    student(place / "scratch", notebook(forward=FORWARD))
    for name, content in {**HONEST, **OTHERS}.items():
        student(place / name, content)
    (place / "copy/notebooks/my copy.ipynb").write_text(json.dumps(notebook(forward=FORWARD)))
    return mark(place, {})


@needs_isolation
@pytest.mark.process
@pytest.mark.theano
def test_honest_work_counts_in_whatever_way_it_is_written(marks):
    earned = {name: marks[name].answers for name in HONEST}
    wrong = {name: answers for name, answers in earned.items() if [one.share for one in answers.values()] != [1.0]}
    assert not wrong
    assert not any(marks[name].problems for name in HONEST)


@needs_isolation
@pytest.mark.process
@pytest.mark.theano
def test_exercises_build_on_the_cells_of_others(marks):
    assert {name: one.state for name, one in marks["lstm"].answers.items()} == dict.fromkeys(LSTM, "right")
    assert {one.state for one in marks["failing"].answers.values()} == {"not right"}
    (failed,) = marks["failing"].answers["lstm"].skipped
    assert "ValueError: not yet" in failed


@needs_isolation
@pytest.mark.process
@pytest.mark.theano
def test_the_notebook_that_was_handed_out_counts_whatever_else_lies_there(marks):
    assert marks["scratch"].answers["forward"].share == marks["copy"].answers["forward"].share == 1


@needs_isolation
@pytest.mark.process
@pytest.mark.theano
def test_the_classes_of_the_2026_edition_are_run_without_the_librarys(marks):
    states = {name: answer.state for name, answer in marks["school"].answers.items()}
    assert states == {"backpropagation": "right", "log_forward": NOT_CHECKED if TORCH.missing else "right"}
    assert marks["school"].points == 0  # they are optional
    assert marks["wrong"].answers["backpropagation"].state == "not right"


@needs_isolation
@pytest.mark.process
@pytest.mark.theano
def test_finished_students_are_kept_until_their_work_changes(marks, place, tmp_path):
    known = [replace(marks[name], handed_in="kept") for name in ("copy", "wrong")]
    for one in known:
        shutil.copytree(place / one.student, tmp_path / one.student)
    (tmp_path / "wrong/notebooks/01-exercises.ipynb").write_text(json.dumps(notebook(forward=FORWARD)))
    again = mark(tmp_path, {}, known=known)
    assert again["copy"].handed_in == "kept"
    assert again["wrong"].handed_in != "kept"
    assert again["wrong"].answers["forward"].state == "right"


def damaged(folder):
    """Write the work of students who harm themselves, and would harm others."""
    source = {
        "number": 5,
        "surrogate": "def my_forward():\n    '\ud800'\n    raise ValueError('\udfff')",
        "definitions": "\n".join(f"def a{n}(): pass" for n in range(60_000)) + "\n" + "b0+" * 300_000 + "b0",
        "brackets": "x = " + "(" * 5000 + ")" * 5000,
        "recursion": "import sys\nsys.setrecursionlimit(10**7)\ndef my_forward(*a):\n    return my_forward(*a)",
        "interrupt": "def my_forward(*a):\n    raise KeyboardInterrupt",
        "exit": "import sys\ndef my_forward(*a):\n    sys.exit()",
        "large": "import numpy as np\ndef my_forward(*a):\n    return [np.ones(10**7)] * 5",
        "texts": "def my_unknown_words(train, dev, min_count=2):\n    return [[['x' * 10**6]] + [['']] * 10**5] * 2",
        "swallowing": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    }
    for name, text in source.items():
        exercise = "unknown_words" if name == "texts" else "forward"
        student(folder / name, notebook(**{exercise: text}, errors=EXERCISES["errors"].solution))
    contents = {
        "only a number": b'{"cells":[{"cell_type":"code","source":5}]}',
        "only brackets": b'{"cells":' + b"[" * 100_000,
        "half": b'{"cells": [',
        "list": b"[]",
        "no cells": b'{"cells": 3}',
        "odd": b'{"cells": [{"cell_type": "code", "metadata": 3, "source": {"a": 1}}]}',
        "values": b'{"cells":[' + b"{}," * 300_000 + b"{}]}",
        "bytes": b'{"cells":[\xff\xfe]}',
    }
    for name, content in contents.items():
        student(folder / name, {})
        (folder / name / "notebooks/01-exercises.ipynb").write_bytes(content)
    student(folder / "folder", {})
    (folder / "folder/notebooks/01-exercises.ipynb").unlink()
    (folder / "folder/notebooks/01-exercises.ipynb").mkdir()
    os.mkfifo(folder / "folder/notebooks/a.ipynb")
    student(folder / os.fsdecode(b"caf\xe9"), notebook(forward=FORWARD))
    with zipfile.ZipFile(folder / "zip.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notebooks/01-exercises.ipynb", b'{"cells":[' + b"{}," * 21_000_000 + b"{}]}")


@needs_isolation
@pytest.mark.process
def test_students_who_harm_themselves_harm_no_other(tmp_path):
    for name in ("anna", "zoe"):
        student(tmp_path / "class" / name, notebook(forward=FORWARD))
    damaged(tmp_path / "class")
    marks, _ = check(tmp_path, "--seconds", "2")
    assert len(marks) == 23
    assert {name for name, line in marks.items() if line["forward"] == "1.0"} == {"anna", "zoe", "caf\\udce9"}
    stored = {one.student: one for one in read(tmp_path / "marks/marks.json").marks}
    for name in ("number", "surrogate", "definitions", "brackets", "recursion", "interrupt", "exit", "large", "texts",
                 "swallowing"):  # fmt: skip
        assert marks[name]["errors"] == "1.0", (name, stored[name])
        assert not stored[name].problems, name
    assert "setrecursionlimit" in (tmp_path / "class/recursion/notebooks/01-exercises.ipynb").read_text()
    assert "Stopped after 2 s of the processor" in stored["swallowing"].answers["forward"].text
    assert re.search("Stopped after|took too much memory", stored["recursion"].answers["forward"].text)
    assert "KeyboardInterrupt" in stored["interrupt"].answers["forward"].text
    for name in ("only brackets", "half", "list", "no cells", "values", "bytes", "folder", "zip"):
        assert marks[name]["problems"], name


@needs_isolation
@pytest.mark.process
def test_points_are_those_that_the_code_earns(tmp_path):
    wrong = FORWARD.replace("np.exp(y[:, t]).sum()", "2")
    right = {"state": "right", "tries": 1, "hints": 0, "solution": False}
    student(tmp_path / "class/anna", notebook(forward=wrong, squares=SQUARES), forward={**right, "solution": True},
            markov=right, squares=right)  # fmt: skip
    student(tmp_path / "class/ben", notebook(squares=f"{SQUARES}\n# mine"))
    (tmp_path / "weights.json").write_text('{"squares": 2.5, "forward": 4, "markov": 0}')
    marks, output = check(tmp_path, "--weights", str(tmp_path / "weights.json"))
    assert marks["anna"]["squares"] == "2.5"
    assert marks["anna"]["forward"] == "3.0"  # a, h, y of a, h, y, p: z was handed out
    assert (marks["anna"]["points"], marks["anna"]["of"]) == ("5.5", "15.5")
    assert marks["anna"]["stored as right, not earned"] == "forward, markov"
    assert marks["anna"]["solution shown"] == "forward"
    assert marks["anna"]["same code as"] == "squares: ben, the lab's solution"
    assert marks["anna"]["handed in"][:3] == "202"
    stored = read(tmp_path / "marks/marks.json").marks[0]
    assert stored.answers["forward"].text.startswith("Correct: ")
    assert "2 of 2  " in output
    assert "✗···✓" in output


@needs_isolation
@pytest.mark.process
def test_ctrl_c_ends_the_marking_soon_and_keeps_what_is_finished(tmp_path):
    student(tmp_path / "class/anna", notebook(forward=FORWARD))
    hanging = "import time\ndef my_forward(*a):\n    while True: time.sleep(0.01)"
    for name in ("ben", "cai", "dee"):
        student(tmp_path / "class" / name, notebook(forward=hanging))
    command = [str(Path(sys.executable).with_name("lxmls-rnn")), "class", "check", "class", "marks", "--jobs", "2"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "1 of 4  anna: 1\n"
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        output, _ = process.communicate(timeout=60)
        assert time.monotonic() - begin < 5
    assert process.returncode == 128 + signal.SIGINT
    assert "continue with `lxmls-rnn class check class marks`" in output
    assert [one.student for one in read(tmp_path / "marks/marks.json").marks] == ["anna"]


@pytest.mark.process
@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("no-such-python", "no-such-python"),
        ("docker", "docker: no such image$"),
        ("no docker", "docker: No such file or directory$"),
    ],
)
def test_nobody_is_marked_where_the_code_cannot_be_run(tmp_path, monkeypatch, program, reason):
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        "#!/bin/sh\nprintf 'docker: no such image\\n\\nSee %s.\\n' \"'docker run --help'\" >&2\nexit 125\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(docker.parent), prepend=":")
    if program == "no docker":
        monkeypatch.setenv("PATH", str(tmp_path))
    student(tmp_path / "class/anna", notebook(forward=FORWARD))
    runner = Runner(None, container="missing") if "docker" in program else Runner(["env", program])
    marking = Marking(handed_out(), SimpleNamespace(exercises={}, stop=list), runner)  # nobody is judged
    with pytest.raises(RuntimeError, match=f"does not start: .*{reason}"):
        list(marking.mark(read_class(tmp_path / "class"), [], 1, lambda: False))


@pytest.mark.process
def test_without_isolation_the_teacher_has_to_say_so_and_a_process_that_ends_costs_its_exercise(tmp_path, monkeypatch):
    killing = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
    student(tmp_path / "class/anna", notebook(forward=killing, numeric=NUMERIC))
    monkeypatch.setattr(isolation, "UNSHARE", ("no-such-command",))
    result = CliRunner().invoke(app, ["class", "check", str(tmp_path / "class"), str(tmp_path / "marks")])
    assert result.exit_code == 1
    assert "cannot be isolated here (no-such-command" in result.output
    assert "--container lxmls-rnn-lab" in result.output
    marks, _ = check(tmp_path, "--unprotected")
    assert (marks["anna"]["forward"], marks["anna"]["numeric"]) == ("0.0", "1.0")
    (stored,) = read(tmp_path / "marks/marks.json").marks
    assert stored.answers["forward"].text == "The process that runs the code ended."


def test_what_was_handed_out_names_each_exercise_and_what_is_checked():
    out = handed_out()
    assert out.names["forward"] == "my_forward"
    assert out.names["lstm"] == "MyLSTM"
    assert set(out.cells) == set(out.names) == set(EXERCISES)
    assert out.files == ["01-exercises.ipynb", "04-school-2026.ipynb"]


def test_in_the_image_its_own_notebooks_were_handed_out(tmp_path, monkeypatch):
    """A teacher may have solved them in the mounted folder."""
    (tmp_path / "docker/notebooks").mkdir(parents=True)
    (tmp_path / "docker/notebooks/of-the-image.ipynb").write_text(json.dumps(notebook(forward=FORWARD)))
    monkeypatch.setenv("LXMLS_IMAGE", str(tmp_path))
    out = handed_out()
    assert out.files == ["of-the-image.ipynb"]
    assert out.cells["forward"] == FORWARD


def test_a_weight_of_an_unknown_exercise_is_an_error(tmp_path):
    (tmp_path / "weights.json").write_text('{"foward": 1}')
    with pytest.raises(ValueError, match=r"weights\.json: no exercise foward"):
        weights_of(["forward"], tmp_path / "weights.json")
    assert weights_of(["forward", "clip"], None) == {"forward": 1, "clip": 0}
