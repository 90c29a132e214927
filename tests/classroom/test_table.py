import json
import re
import subprocess
from pathlib import Path

import pytest
from small_class import OPEN, RIGHT, hand_in, misplaced

import lab
from lab.exercises.exercise import EXERCISES
from lxmls_rnn.classroom.progress import OPTIONAL, Entry, Student, exercises_of, read_class
from lxmls_rnn.classroom.table import as_html, stuck, table


@pytest.fixture
def handed_in(tmp_path):
    return hand_in(tmp_path)


def test_a_line_for_each_student_and_how_many_have_done_each_exercise(handed_in):
    students = read_class(handed_in)
    header, lines = table(students)
    assert header == ["student", "forward", "errors", "done", "last done", "answers", "runs", "best on dev", "problems"]
    anna, ben, cai, dee, done_by = lines
    assert anna[:7] == ["anna", "✓ 3× 1? s 12min", "✗ 2×", "1 of 2", "2026-07-20 15:04", "1", "1"]
    assert anna[7].endswith("%")
    assert ben == ["ben", "✗ 7×", "", "0 of 2", "", "2", "0", "", ""]
    assert cai[1:-1] == dee[1:-1] == ["", "", "0 of 2", "", "0", "0", ""]
    assert cai[-1].startswith(f"{handed_in}/cai/runs/exercises.json: ")
    assert dee[-1] == ""
    assert done_by[:3] == ["done by", "1 of 4", "0 of 4"]
    assert exercises_of(students) == ["forward", "errors"]
    assert stuck(students) == ["forward: ben, 7 tries"]  # two tries are not many


def test_an_optional_exercise_counts_only_for_those_who_did_it(handed_in):
    anna = handed_in / "anna/runs/exercises.json"
    anna.write_text(json.dumps({"forward": RIGHT, "jax_scan": RIGHT, "torch_loop": OPEN}))
    students = read_class(handed_in)
    header, lines = table(students)
    assert [line[header.index("done")] for line in lines] == ["1 of 1 + 1", "0 of 1", "0 of 1", "0 of 1", ""]
    assert students[0].n_done == 1
    assert set(EXERCISES) > OPTIONAL


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
    assert "'>&lt;b&gt;</th>" in as_html(read_class(handed_in))


def test_a_folder_without_students_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no student's folder.*make them with .*collect.sh "):
        read_class(tmp_path)


@pytest.mark.parametrize("option", ["--html", "--csv"])
def test_the_script_for_a_class_at_work_refuses_to_write_into_its_container(option):
    command = [Path(__file__).parents[2] / "docker/jupyterhub/show.sh", option, "class"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"class show handed-in {option} FILE" in result.stderr


@pytest.mark.parametrize(
    ("begun", "done", "minutes"),
    [("2026-07-20 10:00", "2026-07-20 14:00", 240), ("2026-07-20 23:59", "2026-07-21 00:00", 1),
     ("2026-07-20 10:00", "2026-07-21 10:05", 1445),
     (None, "2026-07-20 14:00", None), ("2026-07-20 10:00", None, None), ("at ten", "2026-07-20 14:00", None)],
)  # fmt: skip
def test_minutes_are_from_the_first_try_until_it_was_right(begun, done, minutes):
    assert Entry(begun=begun, done=done).minutes == minutes


def test_a_student_who_has_nothing_and_a_state_of_a_later_version_are_shown():
    later = Student("ben", {"forward": Entry("postponed", tries=1)})
    header, lines = table([Student("anna"), later])
    assert header[1] == "forward"
    assert lines[0] == ["anna", "", "0 of 1", "", "0", "0", "", ""]
    assert lines[1][1] == "postponed 1×"


def test_every_student_has_a_row_with_the_problem_in_table_and_page(handed_in):
    students = read_class(misplaced(handed_in))
    problems = {student.name: student.kinds for student in students}
    assert problems == {
        "anna": "", "ben": "", "cai": "damaged", "dee": "", "eva": "empty", "fay": "zipped", "gus": "misplaced",
        "hal": "no runs",
    }  # fmt: skip
    assert students[6].exercises["forward"].state == "right"
    assert students[6].folder == handed_in / "gus/my work"
    page = as_html(students)
    for student in students:
        for problem in student.problems:
            assert f"'>{problem.text}</td></tr>" in page


def test_the_folder_of_one_student_is_not_a_class(handed_in):
    with pytest.raises(FileNotFoundError, match="has no student's folder"):
        read_class(handed_in / "anna")


@pytest.mark.parametrize(
    ("tries", "tried", "is_stuck"),
    [(3, "2026-07-20 10:10", True), (3, None, True), (2, "2026-07-20 11:00", False), (9, "2026-07-20 10:09", False)],
)
def test_stuck_means_several_tries_over_some_time(tries, tried, is_stuck):
    entry = Entry("not right", tries, begun="2026-07-20 10:00", tried=tried)
    assert entry.is_stuck is is_stuck
    assert not Entry("right", tries, begun="2026-07-20 10:00", tried=tried).is_stuck
