"""Output of the doctor: the command's screen, and the checks at the end of the set-up and the start of the tests."""

import os
import sys

from lxmls_rnn import device
from lxmls_rnn.doctor import gpu
from lxmls_rnn.doctor.basics import show
from lxmls_rnn.doctor.software import software, theano_found, theano_tools
from lxmls_rnn.doctor.trial import end_trial, start_trial
from lxmls_rnn.storage.files import escaped

COMPILES = ("C++ compiler", "Python headers")  # the findings that are needed to compile C code


def missing_packages(findings: list[device.Finding]) -> str:
    """Return the command that installs all packages that `findings` lack; an empty text if none."""
    packages = [package for finding in findings for package in finding.packages]
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(dict.fromkeys(packages))}" if packages else ""


def print_missing() -> None:
    """Print, for the set-up, what Theano lacks and the command that installs it, or that nothing is missing."""
    missing = [finding for finding in software(*theano_tools()) if not finding.ok]
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
    missing = [finding for finding in software(*theano_tools()) if finding.name in COMPILES and finding.ok is False]
    if missing:
        names = " and ".join(finding.name for finding in missing)
        remedy = "\n".join(filter(None, [missing_packages(missing), *(escaped(finding.remedy) for finding in missing)]))
        sys.exit(
            f"The tests compile C code and need {names}: {remedy}\n"
            "Without it NumpyRNN and NumpyLSTM work as usual, and Theano runs in Python, slowly."
        )


def main(width: int | None = None) -> int:
    """Print the doctor's screen, `width` columns wide; return 0 if a Theano function compiled to C and ran, else 1."""
    trial_process = start_trial()
    gpu_findings = list(gpu.findings())
    gpu_process = start_trial("cuda") if gpu.cards() else None
    trial = end_trial(trial_process)

    report = trial.report
    tools = (report.cxx, report.blas_ldflags, report.compiledir) if report else theano_tools()
    findings = [*software(*tools), *theano_found(trial), *gpu_findings]
    if gpu_process is not None:
        error = end_trial(gpu_process).error
        value = error or "a function compiled, ran, and gave the right result"
        findings.append(device.Finding("Test on cuda", value, not error))

    advice = [device.choose().sentence]
    advice += [finding.remedy for finding in findings if finding.remedy]
    install = missing_packages(findings)
    if install:
        advice.append(f"To install what is missing (Debian, Ubuntu): {install}")
    show(findings, advice, width)
    return 1 if trial.error else 0
