import zipfile

import pytest
from classroom.small_class import hand_in
from typer.testing import CliRunner

from lab.exercises.exercise import COURSE
from lxmls_rnn.classroom.collect import collect
from lxmls_rnn.classroom.hand_in import pack
from lxmls_rnn.classroom.students import read_class
from lxmls_rnn.cli.main import app


@pytest.fixture
def work(tmp_path):
    """A student's notebooks beside the runs of `hand_in`."""
    student = hand_in(tmp_path / "class") / "anna"
    for name in ("01-exercises.ipynb", ".ipynb_checkpoints/01-exercises-checkpoint.ipynb", "notes.txt"):
        file = student / "notebooks" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text("{}")
    (student / "notebooks/link.ipynb").symlink_to("01-exercises.ipynb")
    return student


def test_a_zip_file_has_notebooks_settings_metrics_and_answers_but_no_model(work, tmp_path):
    assert (work / "runs/first/model.npz").is_file()
    command = ["hand-in", "anna", "--notebooks", str(work / "notebooks"), "--root", str(work / "runs")]
    result = CliRunner().invoke(app, command)
    assert "1 notebook, 5 files in all, 0.0 MB." in result.output
    assert zipfile.ZipFile(work / "notebooks/anna.zip").namelist() == [
        "anna/notebooks/01-exercises.ipynb",
        "anna/runs/answers.json",
        "anna/runs/exercises.json",
        "anna/runs/first/config.json",
        "anna/runs/first/metrics.jsonl",
    ]
    list(collect([work / "notebooks/anna.zip"], tmp_path / "handed-in"))
    before, after = (read_class(folder, COURSE).students[0] for folder in (work.parent, tmp_path / "handed-in"))
    assert (after.name, after.exercises, after.answers) == ("anna", before.exercises, before.answers)
    assert after.best == before.best


def test_work_without_a_notebook_is_packed_with_a_warning(work, tmp_path):
    command = ["hand-in", "anna", "--notebooks", str(tmp_path / "elsewhere"), "--root", str(work / "runs")]
    result = CliRunner().invoke(app, command)
    assert f"{tmp_path / 'elsewhere'}: no such folder: name that of your notebooks (--notebooks)" in result.stderr
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "elsewhere").mkdir()
    result = CliRunner().invoke(app, command)
    assert "0 notebooks, 4 files in all" in result.output
    assert f"no notebook in {tmp_path / 'elsewhere'}: name the folder of your notebooks (--notebooks)" in result.stderr


def test_the_name_is_the_login_on_a_hub_and_otherwise_asked_for(work, monkeypatch):
    monkeypatch.setenv("LXMLS_WORK", str(work / "notebooks"))
    monkeypatch.setenv("LXMLS_RUNS", str(work / "runs"))
    assert "Add your name" in CliRunner().invoke(app, ["hand-in"]).output
    monkeypatch.setenv("JUPYTERHUB_USER", "ben")
    CliRunner().invoke(app, ["hand-in"])
    assert (work / "notebooks/ben.zip").is_file()


def test_nothing_to_hand_in_is_an_error(tmp_path):
    (tmp_path / "notebooks").mkdir()
    with pytest.raises(FileNotFoundError, match="nothing to hand in"):
        pack("anna", tmp_path / "notebooks", tmp_path / "runs", tmp_path / "anna.zip")
