"""The names that notebooks import from `lab`."""

import subprocess
import sys

import pytest

import lab
from lab.widgets.panel import Panel


@pytest.mark.parametrize("name", lab.PANELS)
def test_each_name_is_the_panel_of_its_folder(name):
    panel = getattr(lab, name)
    assert issubclass(panel, Panel)
    assert (panel.__name__, panel.__module__) == (name, f"lab.panels.{lab.PANELS[name]}.panel")


def test_all_names_can_be_imported():
    space = {}
    exec("from lab import *", space)
    assert set(lab.__all__) == {*lab.PANELS, "Answer", "check"} == set(space) - {"__builtins__"}
    assert lab.Answer.__module__ == "lab.exercises.answer"
    assert lab.check.__name__ == "lab.exercises.check"


def test_a_name_that_is_no_panel_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'lab' has no attribute 'progress'"):
        lab.progress  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'progress'"):
        from lab import progress  # noqa: F401


def test_the_sweep_panel_opens_the_inspection_of_a_run():
    with pytest.raises(ValueError, match="no trained run 'nothing'"):  # which InspectionPanel says
        lab.SweepPanel.make_inspection_panel("nothing")
    assert type(lab.SweepPanel.make_inspection_panel(None)) is lab.InspectionPanel


@pytest.mark.process
def test_a_panel_is_imported_when_it_is_used():
    code = (
        "import sys, lab; print('ipywidgets' in sys.modules); lab.PlayPanel; print('lab.panels.sweep' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\nFalse\n", "")


def test_a_panel_of_a_newer_checkout_is_told_what_to_do():
    with pytest.raises(
        ImportError, match=r"lab has no HarpPanel: expected one of BenchmarkPanel, .*docker compose up --build"
    ):
        from lab import HarpPanel  # noqa: F401
