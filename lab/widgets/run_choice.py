"""Choice of a stored run."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from lab.drawing.looks import RowBox
from lab.widgets.controls import ROW, button, dropdown, set_options, view
from lxmls_rnn import paths, runs
from lxmls_rnn.storage.files import modified


class RunChoice(RowBox):
    """Dropdown of the stored runs, with a Refresh button."""

    def __init__(self) -> None:
        self._further: list[str] = []  # runs of sweeps, listed once `choose` asks for them
        self.run = dropdown("Run", [], "A stored run", width="27em")  # a name, or None if there is no run
        again = button("Refresh", "Reload the list", icon="refresh")
        again.on_click(lambda _: self.refresh())
        self.left_out = view("left-out")  # damaged runs, with the reason
        super().__init__([self.run, again, self.left_out], [ROW])
        self.refresh()

    def refresh(self) -> None:
        """List the runs that have a model, newest first."""
        whole, damaged = runs.find_runs()
        self.left_out.value = left_out(damaged)
        folders = [run.folder for run in whole if (run.folder / "model.npz").exists()]
        names = [folder.name for folder in sorted(folders, key=lambda folder: -modified(folder / "model.npz"))]
        set_options(self.run, [*self._further, *names])

    def choose(self, name: str) -> None:
        """Select a run, also a run of a sweep; ValueError if it does not exist or has no model."""
        if name not in self.run.options and (paths.runs() / name / "model.npz").is_file():
            self._further.append(name)
            self.refresh()
        if name not in self.run.options:
            raise ValueError(f"no trained run {name!r}: expected one of {', '.join(self.run.options)}")
        self.run.value = name

    def folder(self) -> Path:
        """Return the folder of the selected run; ValueError if there is no run."""
        if self.run.value is None:
            raise ValueError("no trained run yet: train one in the training panel, then press Refresh")
        return paths.runs() / self.run.value


def left_out(damaged: Iterable[runs.Damaged]) -> str:
    """Return HTML that lists the damaged runs, or an empty string."""
    return "".join(f"<div><small>Skipped: {escape(run.why)}</small></div>" for run in damaged)
