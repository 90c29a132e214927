"""Assemble the project's own GPU kernels with NVIDIA's ptxas: the registers and the memory that they take on a card.

``python tests/gpu/ptxas.py`` prints a table of the registers. ``uv sync --inexact --only-group ptxas`` installs ptxas.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import nvrtc
from own_kernels import SOURCES

REPORT = re.compile(
    r"entry function '(\w+)'.*?(\d+) bytes spill stores, (\d+) bytes spill loads"
    r"\n[^\n]*Used (\d+) registers(?:[^\n]*?(\d+) bytes smem)?",
    re.DOTALL,
)


class Usage(NamedTuple):
    """Resources of a kernel: registers of a thread; bytes of a thread, and for `shared` of a block."""

    registers: int
    spilled: int
    shared: int  # without what the launch asks for


def library() -> Path | None:
    """Return the path of ptxas in this Python's packages; None if it is not installed."""
    nvidia = importlib.util.find_spec("nvidia")
    folders = nvidia.submodule_search_locations or () if nvidia else ()
    return next((path for folder in folders for path in Path(folder).glob("*/bin/ptxas")), None)


def assemble(ptx: str, arch: int) -> dict[str, Usage]:
    """Return what the kernels of a PTX module take on an architecture, by name; RuntimeError if ptxas refuses it."""
    command = [str(library()), "--verbose", f"--gpu-name=sm_{arch}", "--output-file=/dev/null", "/dev/stdin"]
    done = subprocess.run(command, input=ptx, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    found = [(name, [int(number or 0) for number in numbers]) for name, *numbers in REPORT.findall(done.stderr)]
    return {name: Usage(registers, stores + loads, shared) for name, (stores, loads, registers, shared) in found}


def usages() -> dict[str, dict[int, Usage]]:
    """Return what each own kernel takes, by its name and architecture; the most of all variants of a layer."""
    usages: dict[str, dict[int, Usage]] = {}
    for capability in nvrtc.CAPABILITIES:
        arch = 10 * capability[0] + capability[1]
        if arch not in nvrtc.default().supported:
            continue
        for source in SOURCES.values():
            for name, usage in assemble(nvrtc.compile_for(source, capability), arch).items():
                before = usages.setdefault(name, {}).get(arch, usage)
                usages[name][arch] = Usage(*map(max, before, usage))
    return usages


def table(usages: dict[str, dict[int, Usage]]) -> str:
    """Return the lines of a table of registers, in Markdown."""
    archs = list(next(iter(usages.values())))
    head = ["registers of", *(f"{arch // 10}.{arch % 10}" for arch in archs)]
    rows = [[f"`{name}`", *(str(usage.registers) for usage in of.values())] for name, of in usages.items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    print(table(usages()), end="")
