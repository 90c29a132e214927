"""Notebooks in the middle of a course: what a student has changed is never overwritten."""

import subprocess
import sys

import pytest

from lxmls_rnn.classroom.hand_out import hand_out


@pytest.fixture
def update(tmp_path):
    """Hand out notebooks with these texts; return what the student's folder holds then."""
    source, target = tmp_path / "image", tmp_path / "student"
    source.mkdir(), target.mkdir()

    def give(**texts):
        for name, text in texts.items():
            (source / f"{name}.ipynb").write_text(text)
        hand_out(source, target)
        return {file.stem: file.read_text() for file in sorted(target.glob("*.ipynb"))}

    give.student = target
    return give


def test_an_unedited_notebook_is_replaced_and_an_edited_one_gets_a_new_one_beside_it(update):
    assert update(a="one", b="one") == {"a": "one", "b": "one"}
    (update.student / "a.ipynb").write_text("mine")
    assert update(a="two", b="two", c="two") == {"a": "mine", "a-new": "two", "b": "two", "c": "two"}
    assert update() == {"a": "mine", "a-new": "two", "b": "two", "c": "two"}


def test_each_further_one_is_laid_where_nothing_is_overwritten(update):
    update(a="one")
    (update.student / "a.ipynb").write_text("mine")
    update(a="two")
    assert update(a="three") == {"a": "mine", "a-new": "three"}
    (update.student / "a-new.ipynb").write_text("mine too")
    assert update(a="four") == {"a": "mine", "a-new": "mine too", "a-new-2": "four"}
    assert update(a="one") == {"a": "mine", "a-new": "mine too", "a-new-2": "four"}


@pytest.mark.parametrize("record", ["{", '{"a.ipynb": 3}', "{}"])
def test_a_damaged_record_or_one_without_a_notebook_loses_nothing(update, record):
    (update.student / "a.ipynb").write_text("old, or mine")
    (update.student / ".handed-out.json").write_text(record)
    assert update(a="two", b="two") == {"a": "old, or mine", "a-new": "two", "b": "two"}
    (update.student / "b.ipynb").unlink()
    assert update() == {"a": "old, or mine", "a-new": "two", "b": "two"}  # what is deleted comes again


def test_what_it_does_and_what_the_disk_refuses_is_a_line_and_stops_nothing(update, tmp_path):
    (tmp_path / "image" / "a.ipynb").write_text("one")
    for target, said in (("student", "Notebooks handed out: a.ipynb.\n"), ("image/a.ipynb", "could not")):
        command = [sys.executable, "-m", "lxmls_rnn.classroom.hand_out", tmp_path / "image", tmp_path / target]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        assert said in result.stdout + result.stderr
