"""A sweep that is struck again and again, where a seed says, ends with the numbers of serial runs."""

import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psutil
import pytest
from sweep.small import BASE, DEV, TRAIN, of_sweep, serial, small_sweep, workers_of

from lxmls_rnn.sweep.results import read_all
from lxmls_rnn.sweep.sweep import Sweep

COMMAND = [str(Path(sys.executable).with_name("lxmls-rnn")), "sweep", "--workers", "2"]
VARY = ["model=NumpyRNN,NumpyLSTM", "n_hidd=2,3,5"]
OPTIONS = ["--dev", DEV, "--max-nr-sent", "150", "--n-emb", "3", "--seed", "1", "--seeds", "1", "--epochs", "12"]
OPTIONS += ["--batch-size", "2", "--shuffle", *(word for text in VARY for word in ("--vary", text))]
# what a command ends with; 0 if the sweep was done before. SIGTERM that comes while Python ends kills the process
STATUS = {"kill client": {-9, 0}, "kill worker": {0}, "interrupt": {130, 0}, "terminate": {143, -15, 0}, "": {0}}


def struck(command, kind, lines, **environ):
    """Run a command and strike it after so many lines; return its status and what it says, once all processes ended."""
    process = psutil.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, env=environ
    )
    said = list(islice(process.stdout, lines))
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if kind == "kill client":
            process.kill()
        elif kind == "kill worker":
            for worker in workers_of(process)[:1]:
                worker.kill()
        elif kind == "interrupt":
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
        elif kind == "terminate":
            process.terminate()
    said += process.stdout  # its end comes when the last worker has ended
    return process.wait(), "".join(said)


@pytest.mark.nightly("the same as strikes at chosen moments in test_local and tests/cli, at random ones")
def test_struck_at_random_moments_it_ends_with_the_numbers_of_serial_runs(tmp_path):
    draw, runs, temporary = random.Random(5), tmp_path / "runs", tmp_path / "tmp"
    trainer = replace(BASE.trainer, epochs=12, batch_size=2, shuffle=True)
    base = replace(BASE, max_nr_sent=150, trainer=trainer)
    numbers = serial(small_sweep(tmp_path, *VARY, base=base, seeds=[1]), tmp_path / "serial")
    name, kinds = "0", [kind for kind in STATUS for _ in range(3 if kind else 1)]
    for number, kind in enumerate(draw.sample(kinds[:-1], 12) + kinds[-1:]):
        begun = (runs / name / "sweep.json").exists()
        if begun and all(result.state == "done" for result in read_all(Sweep.load(name, runs))):
            assert of_sweep(Sweep.load(name, runs)) == numbers
            name, begun = str(number), False
        temporary.mkdir()
        command = [*COMMAND, "--root", str(runs), *(["--resume", name] if begun else [TRAIN, "--name", name, *OPTIONS])]
        status, said = struck(command, kind, draw.randint(1, 9), **{**os.environ, "TMPDIR": str(temporary)})
        assert status in STATUS[kind], (kind, said)
        if kind == "kill client":  # then loky warns that it removes semaphores
            said = "\n".join(line for line in said.splitlines() if "resource_tracker" not in line)
        else:
            assert not list(temporary.iterdir()), (kind, said)
        assert not [word for word in ("Traceback", "Error", "Exception", "Warning") if word in said], (kind, said)
        shutil.rmtree(temporary)
    assert of_sweep(Sweep.load(name, runs)) == numbers
