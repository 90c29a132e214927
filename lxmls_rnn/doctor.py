"""Look over the machine: what Theano finds here, what is missing, how to get it, what really works.

The command is ``lxmls-rnn doctor``. That a function compiles, and on which device, is not guessed from what is
installed but tried, in processes of their own. What concerns the GPU is in :mod:`lxmls_rnn._doctor_gpu`.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from lxmls_rnn import _theano_blas, _theano_flags, device, theano_env

TIME_BOUND = 300.0  # seconds for one trial; a first compilation takes about ten

COMPILES = ("C++ compiler", "Python headers")  # the findings without which there is no C code


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's screen.

    Attributes
    ----------
    name, value : str
    ok : bool or None
        False where something is missing that makes a difference here; None where that is no fault.
    packages : tuple of str
        The Debian and Ubuntu packages that bring what is missing.
    remedy : str
        How to get it, where no package does.
    """

    name: str
    value: str
    ok: bool | None = True
    packages: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True)
class Trial:
    """What came of importing Theano on a device, and compiling and running a function there.

    Attributes
    ----------
    report : theano_env.Report or None
        None if Theano could not be imported.
    error : str
        Why the function did not compile, or gave a wrong result; empty if all went well.
    """

    report: theano_env.Report | None
    error: str


def try_function() -> None:
    """Import Theano, print a JSON line about it, compile and run a function, print a JSON line about that."""
    print(json.dumps(asdict(theano_env.report())), flush=True)
    import numpy
    import theano

    matrix = numpy.arange(6, dtype=theano.config.floatX).reshape(2, 3)
    vector = theano.tensor.vector()
    function = theano.function([vector], theano.tensor.tanh(theano.tensor.dot(theano.shared(matrix), vector)))
    result = numpy.asarray(function(numpy.ones(3, dtype=theano.config.floatX)))
    right = numpy.allclose(result, numpy.tanh(matrix.sum(axis=1)), rtol=1e-4)
    c_code = any(hasattr(thunk, "cthunk") for thunk in getattr(function.fn, "thunks", []))
    print(json.dumps({"error": "" if right else f"a wrong result, {result}", "c_code": c_code}))


def start_trial(device: str | None = None) -> "subprocess.Popen[str]":
    """Start :func:`try_function` in a Python of its own, on `device` or on the one that is set."""
    environ = dict(os.environ)
    if device is not None:
        environ["LXMLS_DEVICE"] = device
        environ["THEANO_FLAGS"] = f"{environ.get('THEANO_FLAGS', '')},device={device}"
    return subprocess.Popen(
        [sys.executable, "-c", "from lxmls_rnn import doctor; doctor.try_function()"],
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end_trial(process: "subprocess.Popen[str]") -> Trial:
    """Wait for a trial, no longer than :data:`TIME_BOUND`, and read what it found."""
    try:
        output, errors = process.communicate(timeout=TIME_BOUND)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        errors = f"stopped after {TIME_BOUND:.0f} s"
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    report = theano_env.Report(**lines[0]) if lines else None
    if len(lines) < 2:
        last = errors.strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
        return Trial(report, last[0].removeprefix("RuntimeError: "))
    error = lines[1]["error"] or ("" if lines[1]["c_code"] else "it ran in Python, not as C code")
    return Trial(report, error)


def software(cxx: str, blas: str) -> Iterator[Finding]:
    """Look for Python, NumPy, and what turns a Theano graph into fast C code.

    Parameters
    ----------
    cxx, blas : str
        The compiler and what it links with, as Theano has them; empty: none.
    """
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("NumPy", ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "scipy")))

    cxx = cxx or shutil.which("g++") or ""
    if cxx:
        yield Finding("C++ compiler", f"{cxx} {_theano_flags.ask(cxx, '-dumpfullversion')}")
    else:
        yield Finding("C++ compiler", "none: Theano runs in Python, slowly", False, ("g++",))

    headers, (major, minor) = _theano_flags.python_headers(), sys.version_info[:2]
    if headers.exists():
        yield Finding("Python headers", str(headers.parent))
    elif sys.base_prefix == "/usr":
        yield Finding("Python headers", "none: no C code compiles", False, (f"python{major}.{minor}-dev",))
    else:
        yield Finding("Python headers", "none", False, remedy="a Python with its headers: uv python install 3.13")

    yield blas_found(cxx, blas)


def blas_found(cxx: str, blas: str) -> Finding:
    """Say which BLAS C code calls, and why it is not our package's where it is another."""
    name, why = _theano_blas.name(blas), _theano_blas.problem()
    if not cxx:
        return Finding("BLAS", "not known without a compiler", None)
    if blas and not links(cxx, blas):
        remedy = "Take blas.ldflags out of THEANO_FLAGS and .theanorc, or name a BLAS there that links."
        return Finding("BLAS", f"{name} does not link", False, remedy=remedy)
    if blas == "-lopenblas" and why:
        return Finding("BLAS", f"the system's OpenBLAS, since {why}; a program links with it")
    if blas:
        return Finding("BLAS", f"{name}; a program links with it")
    if why:
        return Finding("BLAS", f"NumPy's, through more calls, since {why}", False, ("libopenblas-dev",))
    return Finding("BLAS", "NumPy's, through more calls, since blas.ldflags is set to nothing", None)


def links(cxx: str, ldflags: str) -> bool:
    """Whether a program that calls BLAS links with `ldflags`."""
    program = 'extern "C" void dgemm_(); int main() { dgemm_(); }'
    with tempfile.TemporaryDirectory() as folder:
        command = [cxx, "-x", "c++", "-", "-o", str(Path(folder, "program")), *ldflags.split()]
        return subprocess.run(command, input=program, text=True, capture_output=True).returncode == 0


def theano_found(trial: Trial) -> Iterator[Finding]:
    """Say what Theano is, where it keeps compiled code, and whether a function compiled and ran."""
    report = trial.report
    yield Finding("Theano", metadata.version("theano"))
    if report is not None:
        cache = Path(report.compiledir)
        files = [file.stat().st_size for file in cache.rglob("*") if file.is_file()]
        modules = sum(1 for _ in cache.glob("tmp*/*.so"))
        yield Finding("Compile cache", f"{modules} modules, {sum(files) / 1e6:.0f} MB in {short(cache.parent)}")
        yield Finding("Device", f"{report.device_used}, floatX {report.floatX}")
    if trial.error:
        yield Finding("A function", trial.error, False)
    else:
        yield Finding("A function", "compiled to C, ran, and was right")


def short(path: Path) -> str:
    """Write the home directory as ``~``."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def missing_packages(findings: list[Finding]) -> str:
    """Return the one command that installs every package missing in `findings`, or nothing."""
    packages = [package for finding in findings for package in finding.packages]
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(dict.fromkeys(packages))}" if packages else ""


def theano_tools() -> tuple[str, str]:
    """Return the compiler and the BLAS flags that Theano would be given, without importing it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say is on the screen
        flags = {**_theano_flags.settings(), **_theano_flags.rc_flags(), **_theano_flags.user_flags()}
    return flags.get("cxx", shutil.which("g++") or ""), flags.get("blas.ldflags", "")


def tell_missing() -> None:
    """Print, for the set-up, the command that installs what Theano lacks; a line of success if nothing."""
    missing = [finding for finding in software(*theano_tools()) if not finding.ok]
    for finding in missing:
        print(f"{finding.name}: {finding.value}")
    if missing_packages(missing):
        print(f"To install what is missing (Debian, Ubuntu): {missing_packages(missing)}")
    elif not missing:
        print("Ready: Theano has a compiler, Python's headers and a BLAS.")


def require_compiler() -> None:
    """Stop, before the tests, where no C code compiles: say what brings it, and what works without it."""
    missing = [finding for finding in software(*theano_tools()) if finding.name in COMPILES and finding.ok is False]
    if missing:
        names = " and ".join(finding.name for finding in missing)
        remedy = missing_packages(missing) or missing[0].remedy
        sys.exit(
            f"The tests compile C code and miss {names}: {remedy}\n"
            "Without, NumpyRNN and NumpyLSTM work as ever, and Theano in Python, slowly."
        )


def show(findings: list[Finding], advice: list[str]) -> None:
    """Print the findings as a table, and below it what to do."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks: dict[Any, tuple[str, str]] = {True: ("ok", "green"), False: ("!!", "bold red"), None: ("--", "dim")}
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(Text(*marks[finding.ok]), finding.name, Text(finding.value))
    console = Console()
    if console.is_jupyter:
        console.width = 80  # its own, 115, is cut off beside the file browser
    console.print(table)
    for line in advice:
        console.print(Text(line))


def main() -> int:
    """Print the doctor's screen; return 0 if a Theano function compiled to C and ran, else 1."""
    from lxmls_rnn import _doctor_gpu

    trial_process = start_trial()
    gpu_findings = list(_doctor_gpu.findings())
    gpu_process = start_trial("cuda") if _doctor_gpu.cards() else None
    trial = end_trial(trial_process)

    report = trial.report
    cxx, blas = (report.cxx, report.blas_ldflags) if report else theano_tools()
    findings = [*software(cxx, blas), *theano_found(trial), *gpu_findings]
    if gpu_process is not None:
        error = end_trial(gpu_process).error
        findings.append(Finding("Asked for cuda", error or "a function compiled, ran there, and was right", not error))

    advice = [device.choose().sentence]
    advice += [finding.remedy for finding in findings if finding.remedy]
    install = missing_packages(findings)
    if install:
        advice.append(f"To install what is missing (Debian, Ubuntu): {install}")
    show(findings, advice)
    return 1 if trial.error else 0


if __name__ == "__main__":
    sys.exit(main())
