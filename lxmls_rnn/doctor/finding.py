"""Findings of the doctor, and the command that installs the packages that they lack."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's screen."""

    name: str
    value: str
    ok: bool | None = True  # False: a fault; None: missing, but not needed here
    packages: tuple[str, ...] = ()  # Debian and Ubuntu packages that contain what is missing
    remedy: str = ""  # what to do if there is no such package


def missing_packages(findings: list[Finding]) -> str:
    """Return the command that installs all packages that `findings` lack; an empty text if none."""
    packages = [package for finding in findings for package in finding.packages]
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(dict.fromkeys(packages))}" if packages else ""
