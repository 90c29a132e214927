"""The library with NumPy alone: no Theano, and none of the modules that only Unix has (numpy_alone.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMMAND = "import numpy_alone; from lxmls_rnn.__main__ import main; main()"


def run(folder, *command, status=0):
    environ = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parent}", "LXMLS_RUNS": str(folder), "LXMLS_DEVICE": "cpu"}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.mark.daily("starts six programs, four seconds")
def test_a_model_is_trained_resumed_explained_and_exported(tmp_path):
    train = ["train", "sample", "--model", "NumpyRNN", "--max-nr-sent", "20", "--name", "one"]
    assert "epoch   1" in run(tmp_path, "-c", COMMAND, *train, "--epochs", "1")
    assert "epoch   2" in run(tmp_path, "-c", COMMAND, "train", "--resume", "one", "--epochs", "2")
    assert "NumpyRNN" in run(tmp_path, "-c", COMMAND, "runs")
    assert "barks" in run(tmp_path, "-c", COMMAND, "tag", "one", "The dog barks .")
    run(tmp_path, "-c", COMMAND, "export", str(tmp_path / "one"), "--to", "html")
    check = """import numpy_alone
from lxmls_rnn.teaching.gradient_check import check_gradients
print(len(list(check_gradients(["NumpyRNN"]))))"""
    assert int(run(tmp_path, "-c", check)) > 0


def test_the_doctor_says_what_theano_is_needed_for_and_what_works_without_it(tmp_path):
    said = " ".join(run(tmp_path, "-c", COMMAND, "doctor").split())
    need = "only the models RNN, LSTM, FastRNN, FastLSTM need it"
    assert f"-- Theano unavailable; {need} Theano is not installed: run `make setup`" in said
    assert said.endswith("NumpyRNN, NumpyLSTM work as usual.")


@pytest.mark.daily("imports the lab in a process, four seconds")
def test_exercises_in_numpy_are_checked(tmp_path):
    code = """import numpy_alone
import signal
from lab import check
from lab.exercises.exercise import EXERCISES, answer_of
def interrupted(*given):
    signal.raise_signal(signal.SIGINT)
names = [name for name, one in EXERCISES.items() if one.number.startswith(("6.1", "6.6", "6.7"))]
print(len(names), {getattr(check, name)(answer_of(name)).state for name in names})
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    check.forward(interrupted)
except KeyboardInterrupt:
    print("interrupted")"""
    said = run(tmp_path, "-W", "ignore", "-c", code)
    assert said == "11 {'right'}\ninterrupted\n"


def test_a_lock_is_no_content_of_a_folder_and_makes_none(tmp_path):
    (tmp_path / "new").mkdir()
    code = """import numpy_alone
from pathlib import Path
from lxmls_rnn.runs.folder import new_folder
from lxmls_rnn.storage.files import locked
with locked(Path("new"), print):
    print(new_folder("new", Path()))
try:
    with locked(Path("gone"), print):
        pass
except FileNotFoundError:
    print(Path("gone").exists())"""
    assert run(tmp_path, "-W", "ignore", "-c", code) == "new\nFalse\n"
