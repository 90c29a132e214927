import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from classroom.small_class import OPEN, RIGHT, answers, exercises, hand_in, misplaced

import lab
from lab.exercises.exercise import COURSE
from lxmls_rnn.classroom.students import MAX_ANSWERS, Attempts, SchoolClass, Student, read_class
from lxmls_rnn.classroom.table import as_html, mistakes, stuck, table
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run


@pytest.fixture
def handed_in(tmp_path):
    return hand_in(tmp_path)


def test_a_line_for_each_student_and_how_many_have_done_each_exercise(handed_in):
    of_class = read_class(handed_in, COURSE)
    header, lines = table(of_class)
    assert header == ["student", "forward", "errors", "done", "last done", "answers", "runs", "best on dev", "problems"]
    anna, ben, cai, dee, done_by = lines
    assert anna[:7] == ["anna", "✓ 3× 1? s 12min", "✗ 2×", "1 of 2", "2026-07-20 15:04", "1", "1"]
    assert anna[7] == f"{of_class.students[0].best:.1%}"
    assert ben == ["ben", "✗ 7×", "", "0 of 2", "", "2", "0", "", ""]
    assert cai[1:-1] == dee[1:-1] == ["", "", "0 of 2", "", "0", "0", ""]
    assert cai[-1].startswith(f"{handed_in}/cai/runs/exercises.json: ")
    assert dee[-1] == ""
    assert done_by[:3] == ["done by", "1 of 4", "0 of 4"]
    assert of_class.exercises == ["forward", "errors"]
    assert stuck(of_class) == ["forward: ben, 7 tries"]  # two tries are not many


def test_the_best_accuracy_is_the_highest_on_dev_of_all_epochs_of_all_runs(tmp_path):
    runs = []
    for name, on_dev in (("a", [0.5, 0.7, 0.6]), ("b", [0.4, None]), ("no dev", [None])):
        (tmp_path / name).mkdir()
        rows = [Metrics(n, 9.0, 0.99, accuracy, 0.5, 0.1, 99.0, True) for n, accuracy in enumerate(on_dev, 1)]
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
        runs.append(Run(tmp_path / name, Settings("sample")))
    assert Student("anna", runs=runs).best == Student("anna", runs=runs[::-1]).best == 0.7
    assert Student("anna", runs=runs[2:]).best is None


def test_an_optional_exercise_counts_only_for_those_who_did_it(handed_in):
    anna = handed_in / "anna/runs/exercises.json"
    anna.write_text(exercises({"forward": RIGHT, "torch_layer": RIGHT, "torch_loop": OPEN}))
    header, lines = table(read_class(handed_in, COURSE))
    assert [line[header.index("done")] for line in lines] == ["1 of 1 + 1", "0 of 1", "0 of 1", "0 of 1", ""]


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


def test_names_are_no_html_and_the_folder_of_one_student_is_not_a_class(handed_in):
    (handed_in / "<b>" / "runs").mkdir(parents=True)
    assert "'>&lt;b&gt;</th>" in as_html(read_class(handed_in, COURSE))
    with pytest.raises(FileNotFoundError, match=r"has no student's folder.*make them with .*class collect"):
        read_class(handed_in / "anna", COURSE)


@pytest.mark.parametrize(
    ("begun", "done", "minutes"),
    [("2026-07-20 10:00", "2026-07-21 10:05", 1445), (None, "2026-07-20 14:00", None),
     ("2026-07-20 10:00", None, None), ("at ten", "2026-07-20 14:00", None)],
)  # fmt: skip
def test_minutes_are_from_the_first_try_until_it_was_right(begun, done, minutes):
    assert Attempts(begun=begun, done=done).minutes == minutes


def test_a_student_who_has_nothing_and_a_state_of_a_later_version_are_shown():
    later = Student("ben", {"forward": Attempts("postponed", tries=1)})
    header, lines = table(SchoolClass([Student("anna"), later], COURSE))
    assert header[1] == "forward"
    assert lines[0] == ["anna", "", "0 of 1", "", "0", "0", "", ""]
    assert lines[1][1] == "postponed 1×"


def test_every_student_has_a_row_with_the_problem_in_table_and_page(handed_in):
    of_class = read_class(misplaced(handed_in), COURSE)
    students = of_class.students
    problems = {student.name: student.kinds for student in students}
    assert problems == {
        "anna": "", "ben": "", "cai": "damaged", "dee": "", "eva": "empty", "fay": "zipped", "gus": "misplaced",
        "hal": "no runs",
    }  # fmt: skip
    assert students[6].exercises["forward"].state == "right"
    assert students[6].folder == handed_in / "gus/my work"
    page = as_html(of_class)
    for student in students:
        for problem in student.problems:
            assert f"'>{problem.text}</td></tr>" in page


@pytest.mark.parametrize(
    ("tries", "tried", "is_stuck"),
    [(3, "2026-07-20 10:10", True), (3, None, True), (2, "2026-07-20 11:00", False), (9, "2026-07-20 10:09", False)],
)
def test_stuck_means_several_tries_over_some_time(tries, tried, is_stuck):
    entry = Attempts("not right", tries, begun="2026-07-20 10:00", tried=tried)
    assert entry.is_stuck is is_stuck
    assert not Attempts("right", tries, begun="2026-07-20 10:00", tried=tried).is_stuck


def test_of_exercises_at_which_as_many_are_stuck_the_one_with_more_tries_comes_first():
    of_anna = {"forward": Attempts("not right", 4), "errors": Attempts("not right", 9)}
    lines = ["errors: anna, 9 tries", "forward: anna, 4 tries"]
    assert stuck(SchoolClass([Student("anna", of_anna)], COURSE)) == lines


def test_the_three_most_frequent_mistakes_of_an_exercise_are_counted():
    causes = ["early", "late", "late", "once", "twice", "twice", None, None, "late"]
    students = [Student(str(n), {"forward": Attempts("not right", cause=cause)}) for n, cause in enumerate(causes)]
    students[0].exercises["errors"] = Attempts("not right", cause="late")
    assert mistakes(SchoolClass(students, COURSE)) == [
        "forward, 3 of 9: late", "forward, 2 of 9: twice", "forward, 1 of 9: early", "errors, 1 of 9: late",
    ]  # fmt: skip


def test_exercises_that_are_not_of_the_course_are_not_read(handed_in):
    made_up = {f"made up {n}": OPEN for n in range(10_000)}
    (handed_in / "ben/runs/exercises.json").write_text(exercises(made_up | {"errors": RIGHT}))
    of_class = read_class(handed_in, COURSE)
    assert of_class.exercises == ["forward", "errors"]
    assert list(of_class.students[1].exercises) == ["errors"]


def test_of_too_many_answers_the_first_are_shown(handed_in):
    written = {f"Question {n}?": {"text": "Yes.", "written": "2026-07-20 15:00"} for n in range(MAX_ANSWERS + 5)}
    (handed_in / "ben/runs/answers.json").write_text(answers(written))
    of_class = read_class(handed_in, COURSE)
    assert list(of_class.students[1].answers) == list(written)[:MAX_ANSWERS]
    assert of_class.students[1].problems[0].text.endswith("answers.json has 205 answers: the first 200 are shown")
