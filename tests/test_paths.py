"""Where data, runs and results are."""

from pathlib import Path

import pytest

from lxmls_rnn import paths

VARIABLES = {"data": "LXMLS_DATA", "runs": "LXMLS_RUNS", "results": "LXMLS_RESULTS"}


@pytest.mark.parametrize(("name", "variable"), VARIABLES.items())
def test_a_variable_that_is_set_later_holds(monkeypatch, name, variable):
    monkeypatch.setenv(variable, "/else/where")
    assert getattr(paths, name)() == Path("/else/where")


def test_by_default_data_is_the_checkouts_and_the_others_are_in_the_current_folder(monkeypatch):
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    assert paths.data().samefile(Path(__file__).parents[1] / "data")
    assert (paths.runs(), paths.results()) == (Path("runs"), Path("results"))
