"""Assemble the project's own GPU kernels with NVIDIA's ptxas: the registers and the memory that they take on a card.

``python tests/gpu/ptxas.py`` prints a table of the registers. ``uv sync --inexact --only-group ptxas`` installs ptxas,
``--only-group newest-cuda`` the newest NVRTC and ptxas.
"""

from __future__ import annotations

import re
import subprocess
import sys
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


class Toolkit(NamedTuple):
    """NVRTC and ptxas of one CUDA toolkit."""

    compiler: nvrtc.Nvrtc
    assembler: Path


def toolkit(compilers: str = "cuda_nvrtc", assemblers: str = "cuda_nvcc") -> Toolkit | None:
    """Return the toolkit in these folders of this Python's packages; None if it is not installed."""
    found = nvrtc.packaged(f"{compilers}/lib/libnvrtc.so.*"), nvrtc.packaged(f"{assemblers}/bin/ptxas")
    return Toolkit(nvrtc.Nvrtc(found[0][0]), found[1][0]) if all(found) else None


def newest() -> Toolkit | None:
    """Return the newest toolkit; None if it is not installed."""
    return toolkit("cu13", "cu13")


def assemble(assembler: Path, ptx: str, arch: int) -> dict[str, Usage]:
    """Return what the kernels of a PTX module take on an architecture, by name; RuntimeError if ptxas refuses it."""
    command = [str(assembler), "--verbose", f"--gpu-name=sm_{arch}", "--output-file=/dev/null", "/dev/stdin"]
    done = subprocess.run(command, input=ptx, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    found = [(name, [int(number or 0) for number in numbers]) for name, *numbers in REPORT.findall(done.stderr)]
    return {name: Usage(registers, stores + loads, shared) for name, (stores, loads, registers, shared) in found}


def usages(toolkit: Toolkit, arch: int) -> dict[str, Usage]:
    """Return what each own kernel takes on an architecture, by its name; the most of all variants of a layer."""
    usages: dict[str, Usage] = {}
    for source in SOURCES.values():
        ptx = toolkit.compiler.compile(source, ["-arch", f"compute_{arch}"]).rstrip(b"\0").decode()
        for name, usage in assemble(toolkit.assembler, ptx, arch).items():
            usages[name] = Usage(*map(max, usages.get(name, usage), usage))
    return usages


def table(toolkit: Toolkit) -> str:
    """Return the lines of a table of registers, in Markdown."""
    archs = [10 * major + minor for major, minor in nvrtc.CAPABILITIES]
    of = {arch: usages(toolkit, arch) for arch in archs if arch in toolkit.compiler.supported}
    head = ["registers of", *(f"{arch // 10}.{arch % 10}" for arch in of)]
    rows = [[f"`{name}`", *(str(of[arch][name].registers) for arch in of)] for name in next(iter(of.values()))]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    found = toolkit()
    if found is None:
        sys.exit("no ptxas: `uv sync --inexact --only-group ptxas` installs it, 40 MB")
    print(table(found), end="")
