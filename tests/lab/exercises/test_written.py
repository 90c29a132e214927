"""Answers in words: kept while they are written, found again by their question, in any kernel."""

import json

import pytest

from lab import Answer, check
from lab.exercises.written import OTHER_NOTEBOOK
from lxmls_rnn.classroom.students import read_class

WHY, HOW = "Why has h one column more than z?", "How <deep> is it?"


def test_an_answer_is_there_again_in_another_kernel(runs_folder):
    Answer(WHY, HOW).fields[1].value = "As deep as the sentence <b>is</b> long.\nNot deeper."
    shown = Answer(HOW, WHY)
    assert [field.description for field in shown.fields] == [HOW, WHY]
    assert [field.value for field in shown.fields] == ["As deep as the sentence <b>is</b> long.\nNot deeper.", ""]
    assert list(json.loads((runs_folder / "answers.json").read_text())["entries"]) == [HOW]


def test_it_says_that_it_is_kept_and_forgets_what_is_deleted(runs_folder):
    answer = Answer(WHY)
    assert answer.message.value == ""
    answer.fields[0].value = "h_0"
    assert "Saved." in answer.message.value
    check.reset()
    assert Answer(WHY).fields[0].value == "h_0"
    answer.fields[0].value = " "
    assert json.loads((runs_folder / "answers.json").read_text())["entries"] == {}


def test_what_another_notebook_has_written_meanwhile_is_kept_below(runs_folder):
    first, second = Answer(WHY, HOW), Answer(WHY, HOW)
    second.fields[0].value = "Column 0 is h_0."
    for text in ("W", "Wh", "Who knows?"):
        first.fields[0].value = text
        assert f"Another notebook answered “{WHY}” too" in first.message.value
    assert "Another" not in second.message.value
    assert Answer(WHY).fields[0].value == f"Who knows?{OTHER_NOTEBOOK}Column 0 is h_0."
    second.fields[0].value = "Column 0 is h_0, before the first word."
    both = Answer(WHY).fields[0]
    assert both.value == f"Column 0 is h_0, before the first word.{OTHER_NOTEBOOK}Who knows?"
    first.fields[0].value = ""  # deletes what it showed, no more
    assert Answer(WHY).fields[0].value == "Column 0 is h_0, before the first word."


def test_the_same_answer_in_two_notebooks_and_one_put_together_are_kept_once(runs_folder):
    first, second = Answer(WHY), Answer(WHY)
    first.fields[0].value = second.fields[0].value = "Column 0 is h_0."
    assert second.message.value == '<div role="status">Saved.</div>'
    first.fields[0].value = "h_0"
    second.fields[0].value = "Column 0 is h_0: no word."
    assert Answer(WHY).fields[0].value == "Column 0 is h_0: no word."
    again = Answer(WHY)
    again.fields[0].value = "My last word"
    assert Answer(WHY).fields[0].value == "My last word"


def test_what_the_disk_refuses_is_told(runs_folder):
    answer = Answer(WHY)
    runs_folder.rmdir()
    runs_folder.write_text("a file")
    answer.fields[0].value = "h_0"
    assert f"Answers are not saved: {runs_folder}" in answer.message.value
    assert Answer(WHY).message.value.count(f"Answers are not saved: {runs_folder}") == 1


def test_half_a_character_damages_nothing(runs_folder):
    answer = Answer(WHY, HOW)
    answer.fields[0].value = "h_0"
    answer.fields[1].value = "deep \ud83d"
    assert [field.value for field in Answer(WHY, HOW).fields] == ["h_0", "deep ?"]


@pytest.mark.parametrize("questions", [(), ("",), (3,)])
def test_a_field_wants_its_question(questions):
    with pytest.raises(ValueError, match="Answer takes questions as text"):
        Answer(*questions)


def test_answers_are_handed_in_with_the_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "class" / "anna" / "runs"))
    Answer(WHY).fields[0].value = "Column 0 is h_0."
    (student,) = read_class(tmp_path / "class", {}).students
    assert student.answers[WHY].text == "Column 0 is h_0."
