import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lab
from lab.exercises.hints import EXERCISES
from lxmls_rnn.classroom import OPTIONAL, Entry, Student, as_html, exercises_of, read_class, stuck, table
from lxmls_rnn.cli.main import app
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings, corpus_files
from lxmls_rnn.runs import Run

RIGHT = {"state": "right", "tries": 3, "hints": 1, "solution": True}
RIGHT |= {"begun": "2026-07-20 14:52", "done": "2026-07-20 15:04"}
OPEN = {"state": "not right", "tries": 7, "hints": 0, "solution": False}


@pytest.fixture
def handed_in(tmp_path):
    """Anna has done one exercise and trained; Ben is stuck at it; Cai's file is damaged; Dee has begun nothing."""
    progress = {
        "anna": json.dumps({"forward": RIGHT, "errors": {**OPEN, "tries": 2}}),
        "ben": json.dumps({"forward": OPEN}),
        "cai": "{",
        "dee": None,
    }
    for name, text in progress.items():
        runs = tmp_path / name / "runs"
        runs.mkdir(parents=True)
        if text is not None:
            (runs / "exercises.json").write_text(text)
    train, dev, _ = map(str, corpus_files("sample"))
    answers = {
        "anna": {"Why?": {"text": "[bold]I see <b>no</b> \x1b[2Jreason.\nNone.", "written": "2026-07-20 15:00"}},
        "ben": {
            "Why?": {"text": "Because.", "written": "2026-07-20 15:00"},
            "How deep?": {"text": "10", "written": "2026-07-20 15:01"},
        },
    }
    for name, its in answers.items():
        (tmp_path / name / "runs" / "answers.json").write_text(json.dumps(its))
    settings = Settings(train, dev, max_nr_sent=30, n_emb=4, n_hidd=3, trainer=Trainer(epochs=1))
    list(Run.create("first", settings, tmp_path / "anna" / "runs").fit())
    return tmp_path


def test_a_line_for_each_student_and_how_many_have_done_each_exercise(handed_in):
    students = read_class(handed_in)
    header, lines = table(students)
    assert header == ["student", "forward", "errors", "done", "last done", "answers", "runs", "best on dev"]
    anna, ben, cai, dee, done_by = lines
    assert anna[:7] == ["anna", "✓ 3× 1? s 12min", "✗ 2×", "1 of 2", "2026-07-20 15:04", "1", "1"]
    assert anna[7].endswith("%")
    assert ben == ["ben", "✗ 7×", "", "0 of 2", "", "2", "0", ""]
    assert cai[1:] == dee[1:] == ["", "", "0 of 2", "", "0", "0", ""]
    assert done_by[:3] == ["done by", "1 of 4", "0 of 4"]
    assert exercises_of(students) == ["forward", "errors"]
    assert stuck(students) == ["forward: ben, 7 tries", "errors: anna, 2 tries"]


def test_an_optional_exercise_counts_only_for_those_who_did_it(handed_in):
    anna = handed_in / "anna/runs/exercises.json"
    anna.write_text(json.dumps({"forward": RIGHT, "jax_scan": RIGHT, "torch_loop": OPEN}))
    students = read_class(handed_in)
    header, lines = table(students)
    assert [line[header.index("done")] for line in lines] == ["1 of 1 + 1", "0 of 1", "0 of 1", "0 of 1", ""]
    assert students[0].n_done == 1
    assert set(EXERCISES) > OPTIONAL


def test_the_command_prints_it_and_writes_a_spreadsheet_and_a_page(handed_in, tmp_path):
    files = tmp_path / "class.csv", tmp_path / "class.html"
    command = ["class", "show", str(handed_in), "--csv", str(files[0]), "--html", str(files[1])]
    result = CliRunner().invoke(app, command, env={"COLUMNS": "160"})
    assert result.exit_code == 0
    assert "cai/runs/exercises.json" in result.output
    assert "Stuck at forward: ben, 7 tries." in result.output
    assert "Why?" not in result.output  # answers are shown when they are asked for
    header, anna, ben, *_ = csv.reader(files[0].open())
    assert header[:6] == ["student", "forward", "forward tries", "forward hints", "forward solution", "forward minutes"]
    assert anna[:8] == ["anna", "right", "3", "1", "shown", "12", "not right", "2"]
    assert anna[-5:-1] == ["1", "2026-07-20 15:04", "1", "1"]
    assert 0 < float(anna[-1]) < 1
    assert ben[-5:] == ["0", "", "2", "0", ""]
    page = files[1].read_text()
    assert "<td>✓ 3× 1? s 12min</td>" in page
    assert "exercises.json" in page


def test_a_cell_of_the_spreadsheet_is_no_formula(handed_in, tmp_path):
    (handed_in / "dee" / "runs" / "exercises.json").write_text(json.dumps({"=1+1": RIGHT}))
    CliRunner().invoke(app, ["class", "show", str(handed_in), "--csv", str(tmp_path / "class.csv")])
    assert "'=1+1" in next(csv.reader((tmp_path / "class.csv").open()))


def test_answers_stand_under_their_question(handed_in):
    result = CliRunner().invoke(app, ["class", "show", str(handed_in), "--answers"], env={"COLUMNS": "160"})
    assert result.exit_code == 0
    shown = result.output[result.output.index("Why?") :]
    assert (
        shown == "Why?\nanna: [bold]I see <b>no</b> \\x1b[2Jreason.\n    None.\nben: Because.\n\nHow deep?\nben: 10\n"
    )
    assert "I see &lt;b&gt;no&lt;/b&gt;" in as_html(read_class(handed_in))


def test_a_long_answer_is_not_broken_into_lines(handed_in):
    text = " ".join(["because"] * 40)
    written = {"Why?": {"text": f"{text}\n{text}", "written": "2026-07-20 15:00"}}
    (handed_in / "ben" / "runs" / "answers.json").write_text(json.dumps(written))
    shown = CliRunner().invoke(app, ["class", "show", str(handed_in), "--answers"], env={"COLUMNS": "80"}).output
    assert f"\nben: {text}\n    {text}\n" in shown


def run_the_teachers_notebook(folder, monkeypatch):
    monkeypatch.setenv("LXMLS_CLASS", str(folder))
    notebook = json.loads((Path(lab.__file__).parent / "teacher" / "class.ipynb").read_text())
    space = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]).replace("\nHTML(", "\nshown = HTML("), space)
    return space


def test_the_teachers_notebook_says_in_a_sentence_that_nobody_was_there(tmp_path, monkeypatch, capsys):
    assert run_the_teachers_notebook(tmp_path, monkeypatch)["shown"].data == ""
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith(f"Nobody yet: {tmp_path} has no student's folder")


def test_the_teachers_notebook_shows_table_answers_and_runs(handed_in, monkeypatch, capsys):
    space = run_the_teachers_notebook(handed_in, monkeypatch)
    assert "<td>✓ 3× 1? s 12min</td>" in space["shown"].data
    assert re.search(r"anna +first +NumpyRNN, 3 hidden units +\d+\.\d%", capsys.readouterr().out)


def test_names_are_no_html(handed_in):
    (handed_in / "<b>" / "runs").mkdir(parents=True)
    assert "<td>&lt;b&gt;</td>" in as_html(read_class(handed_in))


def test_a_folder_without_students_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no student's folder.*make them with .*collect.sh "):
        read_class(tmp_path)


@pytest.mark.parametrize("option", ["--html", "--csv"])
def test_the_script_for_a_class_at_work_refuses_to_write_into_its_container(option):
    command = [Path(__file__).parents[1] / "docker/jupyterhub/show.sh", option, "class"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"class show handed-in {option} FILE" in result.stderr


def test_a_folder_cannot_make_a_terminal_or_a_page_obey(handed_in):
    name = "\x1b]0;X\a\u202e<b>"
    (handed_in / "ben" / "runs" / name).mkdir()
    (handed_in / "ben" / "runs" / name / "config.json").write_text("{")
    (handed_in / name / "runs").mkdir(parents=True)
    page = handed_in / "class.html"
    result = CliRunner().invoke(app, ["class", "show", str(handed_in), "--html", str(page)], env={"COLUMNS": "300"})
    assert result.exit_code == 0
    text = page.read_text(encoding="utf-8")
    for shown in (result.output, text):
        assert not set("\x1b\a\u202e") & set(shown)
        assert "\\x1b]0;X\\x07\\u202e" in shown
    assert "<b>/config.json" in result.output
    assert "&lt;b&gt;/config.json" in text


@pytest.mark.process
def test_a_class_is_shown_where_the_encoding_lacks_its_signs(handed_in):
    command = [str(Path(sys.executable).with_name("lxmls-rnn")), "class", "show", str(handed_in)]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True)
    assert done.returncode == 0
    assert b"\\u2713 right" in done.stdout


@pytest.mark.parametrize(
    ("begun", "done", "minutes"),
    [("2026-07-20 10:00", "2026-07-20 14:00", 240), ("2026-07-20 23:59", "2026-07-21 00:00", 1),
     (None, "2026-07-20 14:00", None), ("2026-07-20 10:00", None, None), ("at ten", "2026-07-20 14:00", None)],
)  # fmt: skip
def test_minutes_are_from_the_first_try_until_it_was_right(begun, done, minutes):
    assert Entry(begun=begun, done=done).minutes == minutes


def test_a_student_who_has_nothing_and_a_state_of_a_later_version_are_shown():
    later = Student("ben", {"forward": Entry("postponed", tries=1)})
    header, lines = table([Student("anna"), later])
    assert header[1] == "forward"
    assert lines[0] == ["anna", "", "0 of 1", "", "0", "0", ""]
    assert lines[1][1] == "postponed 1×"
