"""Whatever kills a process or whatever the disk refuses: what was done is kept, or said to be lost in one sentence."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from sweep.small import DEV, TRAIN, numbers

from lxmls_rnn.runs import Run

pytestmark = pytest.mark.daily("strikes many times at each kind of work, ten seconds")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """The library that strikes between Python and libc."""
    compiler = next(filter(shutil.which, ("gcc", "cc", "g++")), None)
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler, or not Linux: calls cannot be caught")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    command = [compiler, "-x", "c", "-shared", "-fPIC", "-O1", str(HERE / "shim.c"), "-o", str(library), "-ldl"]
    subprocess.run(command, check=True)
    return library


again = pytest.mark.nightly("the same calls as train, of a run that goes on")
worker = pytest.mark.nightly("the same writes as train and exercises, by the workers of the benchmark")


@pytest.mark.parametrize(
    "scenario", ["exercises", "train", pytest.param("resume", marks=again), pytest.param("bench", marks=worker)]
)
def test_nothing_is_lost_and_everything_is_said(shim, tmp_path, trials, tell, scenario):
    report = tmp_path / "report.json"
    environ = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(HERE.parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, HERE / "trials.py", scenario, tmp_path / "trials", str(trials), report]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    tell(f"{scenario}: kills and failures of the disk  {min(trials, found['of'])}  of {found['of']}")
    assert found["failures"] == []


COMMAND = [str(Path(sys.executable).with_name("lxmls-rnn")), "train"]
SETTINGS = ["--max-nr-sent", "150", "--n-emb", "3", "--n-hidd", "3", "--epochs", "12", "--shuffle"]
KILLS, EPOCHS = 3, 12


def test_a_training_that_is_killed_at_random_moments_comes_to_the_same_numbers(tmp_path):
    def command(name, lines=None):
        """Train or resume, and kill after so many lines of output; return the exit status."""
        how = ["--resume", name] if (tmp_path / name).exists() else [TRAIN, "--dev", DEV, *SETTINGS, "--name", name]
        process = subprocess.Popen(
            [*COMMAND, *how, "--root", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = "".join(islice(process.stdout, lines))
        if lines is not None:
            process.kill()
        process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said
        assert "Traceback" not in said
        return process.returncode

    draw, kills, trainings = random.Random(0), 0, 0
    assert command("whole") == 0
    while kills < KILLS:
        name, trainings = f"killed-{trainings}", trainings + 1
        while command(name, draw.randrange(EPOCHS) if kills < KILLS else None) != 0:
            kills += 1
        assert numbers(Run.open(name, tmp_path)) == numbers(Run.open("whole", tmp_path))
        assert [path for path in tmp_path.rglob(".*") if name in str(path)] == []
