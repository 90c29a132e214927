"""The command `lxmls-rnn lab`, which starts JupyterLab with the notebooks and panels."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Annotated

import typer

from lxmls_rnn import paths
from lxmls_rnn.classroom.hand_out import hand_out
from lxmls_rnn.cli.console import console

PACKAGE = Path(__file__).parents[2] / "lab"
NOTEBOOKS = PACKAGE / "notebooks"


def lab(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER OPTION",
            show_default=False,
            help="The folder for the notebooks, by default work, or LXMLS_WORK; then options of JupyterLab.",
        ),
    ] = None,
) -> None:
    """Put the notebooks into a folder and start JupyterLab there, with the panels and a token of its own.

    A notebook that you have changed is kept; its new version is written beside it. Data, runs and results are in the
    folders of all commands: `data`, `runs` and `results` of the checkout, or of the current folder.

    Example: `lxmls-rnn lab my-notebooks --no-browser`
    """
    options = list(arguments or ())
    folder = Path(options.pop(0)).absolute() if options and not options[0].startswith("-") else paths.work()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, expected a folder for the notebooks")
    if folder.resolve() == NOTEBOOKS.resolve():
        raise ValueError(f"{folder} holds the notebooks as they are handed out: name another folder, or none")
    _check_packages()
    folder.mkdir(parents=True, exist_ok=True)
    if names := hand_out(NOTEBOOKS, folder):
        console.say(f"New in {folder}: {', '.join(names)}.")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        console.say("You are root: code in a notebook can change every file of this machine.")
        options.append("--ServerApp.allow_root=True")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}", *options]
    os.environ |= _environment(folder)
    if os.name == "nt":  # where exec would let the shell go on at once
        raise typer.Exit(subprocess.run(command).returncode)
    os.execv(sys.executable, command)


def _check_packages() -> None:
    """Raise RuntimeError, with the command that installs it, if a package of the extra `lab` does not fit."""
    from packaging.requirements import Requirement

    for requirement in map(Requirement, requires("lxmls-rnn") or ()):
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}) or not marker.evaluate({"extra": "lab"}):
            continue  # of another extra, or of all
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            installed = ""
        if not (installed and requirement.specifier.contains(installed, prereleases=True)):
            has = (
                f"{requirement.name} {installed} is installed" if installed else f"{requirement.name} is not installed"
            )
            needed = f"{requirement.name}{requirement.specifier}"
            raise RuntimeError(f"{has}, the lab needs {needed}: `pip install lxmls-rnn[lab]`")


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables with which the kernels, the terminals and Jupyter find what is the lab's."""
    jupyter = str(PACKAGE / "jupyter")
    before = {name: os.environ.get(name) for name in ("PATH", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH")}
    ours = {"PATH": str(Path(sys.executable).parent), "JUPYTER_PATH": jupyter, "JUPYTER_CONFIG_PATH": jupyter}
    return {
        "LXMLS_DEVICE": os.environ.get("LXMLS_DEVICE") or "auto",
        "LXMLS_WORK": str(folder),
        **{f"LXMLS_{name.upper()}": str(paths.folder(name)) for name in ("data", "runs", "results")},
        **{name: os.pathsep.join(filter(None, (ours[name], before[name]))) for name in ours},
    }
