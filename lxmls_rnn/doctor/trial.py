"""Trial of Theano on a device: a function is compiled and run in a process of its own."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass

from lxmls_rnn import theano_env
from lxmls_rnn.storage.files import USER_ERRORS, in_words

from theano_runtime import programs  # isort: skip  not in a stock Theano, which the imports above refuse

MAX_TRIAL_SECONDS = 300.0  # with an empty cache a trial takes about ten
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Trial:
    """The result of importing Theano on a device, and of compiling and running a function there."""

    report: theano_env.Report | None  # None if Theano could not be imported
    error: str  # why the function did not compile, or gave a wrong result; empty if all went well


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
    """Import Theano and print a JSON line about it; compile and run a function and print a JSON line about that."""
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
    """Start :func:`try_function` in a new process, on `device`; default: the device that the user has set."""
    environ = dict(os.environ)
    if device is not None:
        environ["LXMLS_DEVICE"] = device
        environ["THEANO_FLAGS"] = f"{environ.get('THEANO_FLAGS', '')},device={device}"
    return subprocess.Popen(
        [sys.executable, "-c", f"from lxmls_rnn.doctor import trial; trial.main({os.getpid()})"],
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
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    report = theano_env.Report(**lines[0]) if lines else None
    if len(lines) < 2:
        last = errors.strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
        return Trial(report, last[0])
    error = lines[1]["error"] or ("" if lines[1]["c_code"] else "it ran in Python, not as C code")
    return Trial(report, error)
