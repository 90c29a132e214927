"""One line of what the doctor finds, and the packages that many of them ask for."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's screen."""

    name: str
    value: str
    ok: bool | None = True  # False where something is missing that makes a difference here; None where that is no fault
    packages: tuple[str, ...] = ()  # of Debian and Ubuntu, that bring what is missing
    remedy: str = ""  # how to get it, where no package does


def missing_packages(findings: list[Finding]) -> str:
    """Return the one command that installs every package missing in `findings`, or nothing."""
    packages = [package for finding in findings for package in finding.packages]
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(dict.fromkeys(packages))}" if packages else ""
