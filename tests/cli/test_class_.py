"""`lxmls-rnn class`: what it prints and writes."""

import csv
import re
from html import escape

import pytest
from classroom.small_class import OPEN, RIGHT, exercises, hand_in, misplaced
from typer.testing import CliRunner

from lab.exercises.exercise import COURSE
from lxmls_rnn.classroom.students import read_class
from lxmls_rnn.classroom.table import as_html
from lxmls_rnn.cli.main import app


@pytest.fixture
def handed_in(tmp_path):
    return hand_in(tmp_path)


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
    assert anna[:9] == ["anna", "right", "3", "1", "shown", "12", "", "not right", "2"]
    assert anna[-6:-2] == ["1", "2026-07-20 15:04", "1", "1"]
    assert 0 < float(anna[-2]) < 1
    assert ben[-6:] == ["0", "", "2", "0", "", ""]
    page = files[1].read_text()
    assert "<td>✓ 3× 1? s 12min</td>" in page
    assert "exercises.json" in page


def test_a_cell_of_the_spreadsheet_is_no_formula(handed_in, tmp_path):
    (handed_in / "dee").rename(handed_in / "=1+1")
    CliRunner().invoke(app, ["class", "show", str(handed_in), "--csv", str(tmp_path / "class.csv")])
    assert [row[0] for row in csv.reader((tmp_path / "class.csv").open())] == ["student", "'=1+1", "anna", "ben", "cai"]


def test_a_made_up_cause_is_no_formula_no_html_and_one_short_line(handed_in, tmp_path):
    made_up = {"forward": OPEN | {"cause": "=<b>\n\x1b[2J" + 5000 * "x"}}
    (handed_in / "ben/runs/exercises.json").write_text(exercises(made_up))
    files = tmp_path / "class.csv", tmp_path / "class.html"
    command = ["class", "show", str(handed_in), "--csv", str(files[0]), "--html", str(files[1])]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "160"}).output
    begin = r"<b>\n\x1b[2Jxxx"
    assert f"\nMistake in forward, 1 of 4: ={begin}" in shown
    assert f"<li>forward, 1 of 4: ={escape(begin)}" in files[1].read_text()
    header, _, ben, *_ = csv.reader(files[0].open())
    assert ben[header.index("forward mistake")].startswith(f"'={begin}")
    assert 200 < max(len(text) for text in re.findall("x+", shown + files[1].read_text() + str(ben))) < 300


def test_answers_stand_under_their_question(handed_in):
    result = CliRunner().invoke(app, ["class", "show", str(handed_in), "--answers"], env={"COLUMNS": "160"})
    assert result.exit_code == 0
    shown = result.output[result.output.index("Why?") :]
    assert (
        shown == "Why?\nanna: [bold]I see <b>no</b> \\x1b[2Jreason.\n    None.\nben: Because.\n\nHow deep?\nben: 10\n"
    )
    assert "I see &lt;b&gt;no&lt;/b&gt;" in as_html(read_class(handed_in, COURSE))


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


def test_eighty_columns_hold_a_row_for_each_student_whatever_they_handed_in(handed_in):
    names = [name for name, optional in COURSE.items() if not optional]
    (handed_in / "ben/runs/exercises.json").write_text(exercises(dict.fromkeys(names, RIGHT)))
    misplaced(handed_in)
    shown = CliRunner().invoke(app, ["class", "show", str(handed_in)], env={"COLUMNS": "80"}).output
    table = shown[shown.index("\nstudent ") + 1 : shown.index("✓ right, ")].splitlines()
    assert max(map(len, table)) <= 80
    assert table[0].split()[1] == "123456789012"[: len(names)]
    assert [line.split()[0] for line in table[1:]] == sorted(path.stem for path in handed_in.iterdir())
    assert table[2].split()[:4] == ["ben", "✓" * len(names), str(len(names)), "07-20"]
    kinds = {line.split()[0]: line.split()[-1] for line in table}
    assert (kinds["cai"], kinds["eva"], kinds["fay"]) == ("damaged", "empty", "zipped")
    assert (kinds["gus"], kinds["hal"]) == ("misplaced", "runs")
    assert "1 forward (3), 2 errors (1)" in " ".join(shown.split())  # anna, ben and gus


def test_on_a_hub_the_teachers_commands_take_the_class_and_elsewhere_ask_for_it(tmp_path, monkeypatch):
    hand_in(tmp_path / "class")
    monkeypatch.chdir(tmp_path)
    commands = ["class", "show"], ["class", "collect"]
    for command in commands:
        refused = CliRunner().invoke(app, command)
        assert "Name the folder of the class" in " ".join(refused.output.split())
    monkeypatch.setenv("LXMLS_CLASS", str(tmp_path / "class"))
    shown, collected = (CliRunner().invoke(app, command) for command in commands)
    assert "anna" in shown.output
    assert (tmp_path / "handed-in/anna/runs/exercises.json").is_file(), collected.output
