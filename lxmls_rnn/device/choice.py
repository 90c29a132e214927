"""The choice of Theano's device."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lxmls_rnn.device import libraries
from lxmls_rnn.device.problems import index, problem, trial, variable

OPENCL_LIMITS = "FastRNN and FastLSTM train there; theano.scan, and so RNN and LSTM, needs the CPU or CUDA."


@dataclass(frozen=True)
class Choice:
    """What came of asking for a device."""

    asked: str  # "auto", "cpu", "cuda0", ...
    device: str | None  # what Theano is to be given; None if what was asked for by name cannot be had
    sentence: str  # for people: the device; if it is no GPU though one would do, why and what to do
    fault: str = ""  # what kept the GPU from being used; empty: nothing, or no GPU was asked for


def resolve(asked: str) -> str:
    """Return the device to give Theano: "auto" becomes "cuda" or "cpu", another name stays."""
    if asked != "auto":
        return asked
    return "cpu" if problem("cuda") else "cuda"


def choose(asked: str | None = None, prove: bool = False, environ: Mapping[str, str] = os.environ) -> Choice:
    """Choose the device and say so.

    `asked` is a device or "auto", by default LXMLS_DEVICE of `environ`, or if that is not set "cpu". With `prove` a
    kernel is compiled and run on it too, through pygpu, in this process.
    """
    asked = asked or environ.get("LXMLS_DEVICE", "")
    if not asked:
        return Choice("cpu", "cpu", f"Theano uses the CPU; {variable()}=auto takes a GPU where there is one.")
    if asked == "cpu":
        return Choice(asked, "cpu", f"Theano uses the CPU, as {variable()}=cpu asks.")
    device = "cuda" if asked == "auto" else asked
    found = problem(device)
    if found is None and prove:
        found = trial(device)
    if found is None:
        if device.startswith("opencl"):
            return Choice(asked, device, f"Theano uses the OpenCL device {device}. {OPENCL_LIMITS}")
        name, (major, minor) = libraries.cards()[index(device)]
        sentence = f"Theano uses the GPU: {name}, compute capability {major}.{minor} ({device})."
        return Choice(asked, device, sentence + _compiling(environ))
    if asked == "auto":
        return Choice(asked, "cpu", f"Theano uses the CPU, because {found.why}; {found.remedy}.", found.why)
    without = "" if "set " in found.remedy else f", or set {variable()}=cpu"
    sentence = f"{variable()}={asked} cannot be had, because {found.why}; {found.remedy}{without}."
    return Choice(asked, None, sentence, found.why)


def _compiling(environ: Mapping[str, str]) -> str:
    """Say how far theano_env/kernels.py is, which compiles kernels since the lab's start; nothing if it is done."""
    try:
        done = Path(environ["LXMLS_KERNELS"]).read_text()
    except (KeyError, OSError):
        return ""
    return f" Its kernels are still being compiled, {done}: until then a training starts slowly." if done else ""
