"""Diagnosis of the installation: what Theano finds, what is missing and how to install it, what really works.

The command is ``lxmls-rnn doctor``. It compiles and runs a function in a process of its own instead of guessing from
what is installed, and does so on the GPU too if there is one. :mod:`lxmls_rnn.device` has the findings about the GPU.
Without Theano it shows what works then.
"""

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lxmls_rnn import __version__
from lxmls_rnn.deep_learning.frameworks import THEANO
from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.device import Finding, blas_proof, choose, gpu_parts, libraries
from lxmls_rnn.storage.messages import escaped

if TYPE_CHECKING:
    from lxmls_rnn.device.in_use import Trial

COMPILES = ("C++ compiler", "Python headers")  # the findings that are needed to compile C code


def main(width: int | None = None) -> int:
    """Print the doctor's screen, `width` columns wide; default: the terminal's width.

    The result is 0 if a Theano function compiled to C and ran, or if there is no Theano at all; else 1.
    """
    if THEANO.missing:
        return _show_without_theano(width)
    from lxmls_rnn.device.in_use import end_trial, start_trial

    trial_process = start_trial()
    gpu = list(gpu_parts())
    gpu_process = start_trial("cuda") if libraries.cards() else None
    trial = end_trial(trial_process)
    findings = [*python(), *software(trial.flags), *theano(trial), *gpu]
    if gpu_process is not None:
        error = end_trial(gpu_process).error
        value = error or "a function compiled, ran, and gave the right result"
        findings.append(Finding("Test on cuda", value, not error))

    advice = [choose().sentence, *(finding.remedy for finding in findings if finding.remedy)]
    if install := missing_packages(findings):
        advice.append(f"To install what is missing (Debian, Ubuntu): {install}")
    show(findings, advice, width)
    return 1 if trial.error else 0


def _show_without_theano(width: int | None) -> int:
    """Print what works without Theano, and how to install it; return 1 if a stock Theano is installed."""
    in_numpy, in_theano = (
        ", ".join(name for name, model in MODELS.items() if model.framework.name == framework)
        for framework in ("NumPy", "Theano")
    )
    is_wrong = find_spec("theano") is not None  # what is not installed is no fault
    finding = Finding("Theano", f"unavailable; only the models {in_theano} need it", False if is_wrong else None)
    advice = [f"{THEANO.missing}.", f"NumPy computes on the CPU; {in_numpy} work as usual."]
    show([*python(), finding], advice, width)
    return int(is_wrong)


def print_missing() -> None:
    """Print, for the set-up, what Theano lacks and the command that installs it, or that nothing is missing."""
    if THEANO.missing:
        print(f"{THEANO.missing}.")
        return
    missing = [finding for finding in (*python(), *software()) if not finding.ok]
    for finding in missing:
        print(escaped(f"{finding.name}: {finding.value}"))
    if missing_packages(missing):
        print(f"To install what is missing (Debian, Ubuntu): {missing_packages(missing)}")
    for finding in missing:
        if finding.remedy:
            print(escaped(finding.remedy))
    if not missing:
        print("Ready: Theano has a compiler, Python's headers and a BLAS.")


def require_compiler() -> None:
    """Exit before the tests if C code cannot be compiled; print what to install, and what works without it."""
    if THEANO.missing:
        sys.exit(f"{THEANO.missing}.")
    missing = [finding for finding in software() if finding.name in COMPILES and finding.ok is False]
    if missing:
        names = " and ".join(finding.name for finding in missing)
        remedy = "\n".join(filter(None, [missing_packages(missing), *(escaped(finding.remedy) for finding in missing)]))
        sys.exit(
            f"The tests compile C code and need {names}: {remedy}\n"
            "Without it NumpyRNN and NumpyLSTM work as usual, and Theano runs in Python, slowly."
        )


def missing_packages(findings: Iterable[Finding]) -> str:
    """Return the command that installs all packages that `findings` lack; an empty text if none."""
    packages = [package for finding in findings for package in finding.packages]
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(dict.fromkeys(packages))}" if packages else ""


def show(findings: Iterable[Finding], advice: Iterable[str], width: int | None = None) -> None:
    """Print the findings as a table, and the advice below it, in `width` columns; default: the terminal's width.

    Control characters and characters that reorder a line are escaped, see `lxmls_rnn.storage.messages.escaped`.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {True: ("ok", "green"), False: ("!!", "bold red"), None: ("--", "dim")}
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(Text(*marks[finding.ok]), finding.name, Text(escaped(finding.value)))
    console = Console(width=width)
    console.print(table)
    for line in advice:
        console.print(Text(escaped(line)))


def python() -> Iterator[Finding]:
    """Yield the findings about the library, Python and NumPy."""
    yield Finding("lxmls-rnn", __version__)
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("NumPy", ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "scipy")))
    try:
        yield Finding(blas_proof.NUMPY, str(blas_proof.require_numpy()))
    except RuntimeError as error:
        yield Finding(blas_proof.NUMPY, str(error), False)


def software(used: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Yield the findings about what C code needs: a C++ compiler, Python's headers and a BLAS.

    `used` are the flags that Theano uses; default: those that it would use.
    """
    from theano_runtime import programs

    from lxmls_rnn.theano_env import flags

    used = used or flags.in_effect()
    cxx = used.get("cxx") or flags.compiler()
    headers, (major, minor) = flags.python_headers(), sys.version_info[:2]
    if cxx:
        yield Finding("C++ compiler", f"{cxx} {programs.ask(cxx, '-dumpfullversion')}")
    else:
        yield Finding("C++ compiler", "none: Theano runs in Python, slowly", False, ("g++",))

    if headers.exists():
        yield Finding("Python headers", str(headers.parent))
    else:
        remedy, is_systems = "make setup PYTHON=uv installs a Python with its headers.", sys.base_prefix == "/usr"
        packages = (f"python{major}.{minor}-dev",) if is_systems else ()
        remedy = "Without root: " * is_systems + remedy
        yield Finding("Python headers", "none: no C code compiles", False, packages, remedy)

    cache = used.get("compiledir") or used["base_compiledir"]
    yield theano_blas(cxx, used.get("blas.ldflags", ""), Path(cache))


def theano_blas(cxx: str, ldflags: str, cache: Path) -> Finding:
    """Return the finding about the BLAS that C code calls; it explains why, if this is not the package's own."""
    from theano_runtime.failures import CompileError

    from lxmls_rnn.theano_env import blas

    name, why = blas.shown_name(ldflags), blas.why_unlinkable()
    if not cxx:
        return Finding("BLAS", "unknown without a compiler", None)
    if ldflags == "-lopenblas" and why:
        name = f"the system's OpenBLAS, because {why}"
    if ldflags:
        try:
            return Finding("BLAS", f"{name}; {blas.prove_linked(cxx, ldflags, cache)}")
        except (CompileError, OSError):
            remedy = "Take blas.ldflags out of THEANO_FLAGS and .theanorc, or name a BLAS there that links."
            return Finding("BLAS", f"{name} does not link", False, remedy=remedy)
        except RuntimeError as error:
            return Finding("BLAS", str(error), False)
    if why:
        return Finding("BLAS", f"NumPy's, with slower calls, because {why}", False, ("libopenblas-dev",))
    return Finding("BLAS", "NumPy's, with slower calls, because blas.ldflags is set to nothing", None)


def theano(trial: "Trial") -> Iterator[Finding]:
    """Yield the findings about Theano, its compile cache, its device and the test function."""
    yield Finding("Theano", metadata.version("theano"))
    if trial.flags:
        cache, size = Path(trial.flags["compiledir"]), 0
        for file in cache.rglob("*"):
            with suppress(FileNotFoundError):  # another process renames or deletes it now
                size += file.stat().st_size if file.is_file() else 0
        modules = sum(1 for _ in cache.glob("tmp*/*.so"))
        yield Finding("Compile cache", f"{modules} modules, {size / 1e6:.0f} MB in {short(cache.parent)}")
        yield Finding("Device", f"{trial.flags['device']}, floatX {trial.flags['floatX']}")
    yield Finding("Test function", trial.error or "compiled to C, ran, and gave the right result", not trial.error)


def short(path: Path) -> str:
    """Return a path with the home directory as ``~``."""
    home = os.path.expanduser("~")  # stays "~" where there is none
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


if __name__ == "__main__":
    sys.exit(main())
