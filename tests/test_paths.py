"""Where notebooks, data, runs and results are."""

from pathlib import Path

import pytest

from lxmls_rnn import paths
from lxmls_rnn.cli.console import name_and_folder

VARIABLES = {"work": "LXMLS_WORK", "data": "LXMLS_DATA", "runs": "LXMLS_RUNS", "results": "LXMLS_RESULTS"}


@pytest.mark.parametrize(("name", "variable"), VARIABLES.items())
def test_a_variable_that_is_set_later_holds(monkeypatch, name, variable):
    monkeypatch.setenv(variable, "/else/where")
    assert getattr(paths, name)() == Path("/else/where")


def test_without_variables_all_are_in_the_checkout_or_if_there_is_none_in_the_current_folder(monkeypatch, tmp_path):
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)  # as a notebook's folder is for VS Code
    for folder, packaged in ((Path(__file__).parents[1], tmp_path / "none"), (tmp_path, tmp_path)):
        monkeypatch.setattr(paths, "PACKAGED", packaged)  # a wheel has it
        assert [getattr(paths, name)() for name in VARIABLES] == [folder / name for name in VARIABLES]


def test_a_file_of_the_data_has_a_name_that_leads_to_it_wherever_the_data_are(monkeypatch, tmp_path):
    file = tmp_path / "here" / "sample" / "train.conll"
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "own.conll").touch()
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "here"))
    monkeypatch.chdir(file.parent)
    assert paths.named(str(file)) == paths.named("train.conll") == "sample/train.conll"
    assert paths.named(str(tmp_path / "own.conll")) == str(tmp_path / "own.conll")
    assert paths.named("../../../own.conll") == "../../../own.conll"
    assert paths.located("sample/train.conll") == file
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "there"))
    assert paths.located("sample/train.conll").samefile(tmp_path / "there" / "sample" / "train.conll")
    assert paths.located("nowhere.conll") == Path("nowhere.conll")


def test_a_root_that_is_given_stands_above_the_variable(monkeypatch):
    monkeypatch.setenv("LXMLS_RUNS", "/else/where")
    assert paths.runs("given") == Path("given")


def test_a_run_is_found_as_docs_write_it_wherever_the_runs_are(monkeypatch, tmp_path):
    (tmp_path / "elsewhere" / "first").mkdir(parents=True)
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    expected = tmp_path / "elsewhere" / "first"
    assert paths.model(Path("first")) == paths.model(Path("runs/first")) == expected
    assert name_and_folder("runs/first", None) == ("first", None)
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "model.npz").touch()
    assert paths.model(Path("runs/first")) == Path("runs/first")
    assert name_and_folder("runs/first", None) == ("first", Path("runs"))
