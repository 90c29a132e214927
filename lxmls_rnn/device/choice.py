"""Choice of the device: Theano's, and that of a framework which sees the GPUs itself."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lxmls_rnn.device import libraries
from lxmls_rnn.device.problems import MIG, Finding, index, kernel_problem, problem, variable, visible

T = TypeVar("T")


@dataclass(frozen=True)
class Choice:
    """The result of a request for a device."""

    device: str | None  # the device for Theano; None if a device requested by name is unavailable
    sentence: str  # for users: the device; if a requested GPU is not used, why and what to do
    problem: Finding | None = None  # why a requested GPU is not used


def choose(asked: str | None = None, prove: bool = False) -> Choice:
    """Choose the device, and describe the choice in a sentence.

    `asked` is a device or "auto"; default: LXMLS_DEVICE, or "cpu" if that is unset. With `prove` the
    device must also compile and run a kernel, through pygpu in this process.
    """
    asked = asked or os.environ.get("LXMLS_DEVICE", "")
    if not asked:
        return Choice("cpu", f"Theano uses the CPU; {variable()}=auto takes a GPU where there is one.")
    if asked == "cpu":
        return Choice("cpu", f"Theano uses the CPU, as {variable()}=cpu asks.")
    device = "cuda" if asked == "auto" else asked
    finding = problem(device)
    if finding is None and prove:
        finding = kernel_problem(device)
    if finding is None:
        name, (major, minor) = libraries.cards()[index(device)]
        sentence = f"Theano uses the GPU: {name}, compute capability {major}.{minor} ({device})."
        sentence += f" {MIG}." if " MIG " in name else ""
        return Choice(device, sentence + _compiling())
    if asked == "auto":
        return Choice("cpu", f"Theano uses the CPU, because {finding.value}; {finding.remedy}.", finding)
    without = "" if "set " in finding.remedy else f", or set {variable()}=cpu"
    sentence = f"{variable()}={asked} is unavailable, because {finding.value}; {finding.remedy}{without}."
    return Choice(None, sentence, finding)


def choose_gpu(framework: str, gpus: Sequence[T]) -> T | None:
    """Return the GPU that LXMLS_DEVICE asks for, one of those that a framework sees; None for the CPU.

    ``auto`` takes the first one, if there is one. RuntimeError if a GPU that is requested by name is missing.
    """
    asked = os.environ.get("LXMLS_DEVICE") or "cpu"
    if asked == "cpu" or (asked == "auto" and not gpus):
        return None
    number = 0 if asked == "auto" else index(asked)
    if number < len(gpus):
        return gpus[number]
    raise RuntimeError(
        f"{variable()}={asked} is unavailable: {framework} sees {len(gpus) or 'no'} GPUs{visible()}; "
        f"set {variable()}=cpu or auto, or install a build of {framework} for this GPU"
    )


def _compiling() -> str:
    """Return a sentence on the progress of theano_env/kernels.py, which compiles kernels at the lab's start.

    The text is empty if all are compiled.
    """
    try:
        done = Path(os.environ["LXMLS_KERNELS"]).read_text()
    except (KeyError, OSError):
        return ""
    return f" Its kernels are still being compiled, {done}: until then a training starts slowly." if done else ""
