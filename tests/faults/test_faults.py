"""Whatever kills a process or whatever the disk refuses: what was done is kept, or said to be lost in one sentence."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("scenario", ["exercises", "train", pytest.param("resume", marks=again)])
def test_nothing_is_lost_and_everything_is_said(shim, tmp_path, trials, tell, scenario):
    report = tmp_path / "report.json"
    environ = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(HERE.parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, HERE / "trials.py", scenario, tmp_path / "trials", str(trials), report]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    tell(f"{scenario}: kills and failures of the disk  {min(trials, found['of'])}  of {found['of']}")
    assert found["failures"] == []
