"""Whatever kills a process or whatever the disk refuses: what was done is kept, or said to be lost in one sentence."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults.kills import Attack

pytestmark = pytest.mark.daily("strikes for some seconds at each kind of work")

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
def test_nothing_is_lost_and_everything_is_said(shim, tmp_path, seconds, tell, scenario):
    report = tmp_path / "report.json"
    environ = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(HERE.parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    # a trial takes longer than a file to be read
    command = [sys.executable, HERE / "trials.py", scenario, tmp_path / "trials", str(5 * seconds), report]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    tell(f"{scenario}: kills and failures of the disk  {found['trials']}  of {found['of']}")
    assert found["failures"] == []
    assert found["trials"] > 0


def test_a_training_that_is_killed_at_random_moments_comes_to_the_same_numbers(tmp_path):
    attack = Attack(tmp_path, 0).go(12)
    assert attack.problems == []
    assert attack.kills >= 12
