"""Theano in use: its device, its flags, and a trial that compiles and runs a function in a process of its own.

Importing this module does not import Theano.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from typing import NamedTuple

from theano_runtime import programs

from lxmls_rnn.device.problems import is_cuda, problem, variable
from lxmls_rnn.storage.messages import USER_ERRORS, in_words

MAX_TRIAL_SECONDS = 300.0  # with an empty cache a trial takes about ten
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Trial(NamedTuple):
    """The result of importing Theano on a device, and of compiling and running a function there."""

    flags: dict[str, str]  # some of those that Theano uses, "device" as it is used; empty if it could not be imported
    error: str  # why the function did not compile, or gave a wrong result; empty if all went well


def device_used() -> str:
    """Return the device on which a new shared variable is stored: "cpu", "cuda0", ..."""
    import numpy
    import theano

    variable = theano.shared(numpy.zeros(1, dtype="float32"))
    return str(theano.config.device) if type(variable).__name__.startswith("GpuArray") else "cpu"


def require_device(device: str, reasons: list[str]) -> None:
    """Raise RuntimeError unless Theano uses the device, "cpu", "cuda0", ...; `reasons` are the errors it logged."""
    used = device_used()
    if used != device:
        why = f" ({reasons[-1].splitlines()[0]})" if reasons else ""
        hint = f"set {variable()}=cpu to work without it" if is_cuda(device) else f"set {variable()}={device}"
        finding = problem(device)
        if finding is not None:
            why, hint = f", because {finding.value}", f"{finding.remedy}; {hint}"
        raise RuntimeError(f"Theano should use the device {device} but uses {used}{why}: {hint}")


def main(parent: int) -> None:
    """Run `try_function` as the leader of a process group.

    SIGTERM kills the group, including the compilers. The kernel sends it when the process `parent` ends.
    """
    programs.use_process_groups = False
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent ended before prctl was called
        sys.exit(128 + signal.SIGTERM)
    try:
        try_function()
    except USER_ERRORS as error:
        sys.exit(" ".join(in_words(error).split()))


def try_function() -> None:
    """Import Theano and print its flags, a JSON object; compile and run a function and print the `Trial` as another."""
    import numpy
    import theano
    from theano import config

    flags = {name: getattr(config, name) for name in ("floatX", "cxx", "compiledir")}
    flags |= {"device": device_used(), "blas.ldflags": config.blas.ldflags}
    print(json.dumps({"flags": flags, "error": ""}), flush=True)
    matrix = numpy.arange(6, dtype=config.floatX).reshape(2, 3)
    vector = theano.tensor.vector()
    function = theano.function([vector], theano.tensor.tanh(theano.tensor.dot(theano.shared(matrix), vector)))
    result = numpy.asarray(function(numpy.ones(3, dtype=config.floatX)))
    error = ""
    if not numpy.allclose(result, numpy.tanh(matrix.sum(axis=1)), rtol=1e-4):
        error = f"a wrong result, {result}"
    elif not any(hasattr(thunk, "cthunk") for thunk in getattr(function.fn, "thunks", [])):
        error = "it ran in Python, not as C code"
    print(json.dumps({"flags": flags, "error": error}))


def start_trial(device: str | None = None) -> "subprocess.Popen[str]":
    """Start :func:`try_function` in a new process, on `device`; default: the device that the user has set."""
    environ = dict(os.environ)
    if device is not None:
        environ["LXMLS_DEVICE"] = device
        environ["THEANO_FLAGS"] = f"{environ.get('THEANO_FLAGS', '')},device={device}"
    return subprocess.Popen(
        [sys.executable, "-c", f"from lxmls_rnn.device import in_use; in_use.main({os.getpid()})"],
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def end_trial(process: "subprocess.Popen[str]") -> Trial:
    """Wait for a trial, at most :data:`MAX_TRIAL_SECONDS`, and return its result."""
    try:
        output, errors = programs.wait_with_report(
            lambda timeout: process.communicate(timeout=timeout), "The trial", MAX_TRIAL_SECONDS
        )
    except subprocess.TimeoutExpired:
        process.terminate()
        output, errors = process.communicate()
        errors = f"stopped after {MAX_TRIAL_SECONDS:.0f} s"
    results = [Trial(**json.loads(line)) for line in output.splitlines() if line.startswith("{")]
    if len(results) == 2:
        return results[1]
    last = errors.strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
    return Trial(results[0].flags if results else {}, last[0])
