"""A GPU that is lost in the midst of a training: an emulated one, which fails for good after some epochs."""

import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.runs import Run

pytestmark = pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build")
LOST = (
    r"the GPU has stopped working \(CUDA_ERROR_ECC_UNCORRECTABLE\): restart this program, or the notebook's "
    r"kernel; if the GPU is still missing then, see whether `nvidia-smi` works on the machine itself[^.]*\. "
)
COMMAND = [sys.executable, "-c", "from lxmls_rnn.cli import app; app()", "train"]
TRAIN = [*COMMAND, "sample", "--model", "FastRNN", "--max-nr-sent", "20", "--name", "first", "--epochs"]
PANEL = """
import html
from lab import TrainingPanel
from lab.panels.training.job import training_jobs
from lxmls_rnn import paths

panel = TrainingPanel(model="FastRNN")
panel.corpus["max_nr_sent"].value, panel.trainer["epochs"].value, panel.name.value = 20, 500, "first"
panel.start_button.click()
training_jobs.find(paths.runs() / "first").wait()
print(html.unescape(panel.message.value))
panel.resume_button.click()
training_jobs.find(paths.runs() / "first").wait()
print(html.unescape(panel.message.value))
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Where all programs of these tests keep their kernels, so that each is compiled once."""
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture
def on_cuda(emulated_gpu, compiled, tmp_path):
    """Start a program on the emulated device; runs are in tmp_path. `launches`: after so many the device is lost."""
    if importlib.util.find_spec("pygpu") is None:
        pytest.skip("no pygpu, so Theano uses no GPU (`make pygpu` builds it)")
    env = {name: value for name, value in os.environ.items() if name not in ("LXMLS_FLOATX", "LXMLS_GPU_FAULT")}
    env |= emulated_gpu | {"LXMLS_DEVICE": "cuda", "LXMLS_RUNS": str(tmp_path)}
    env["THEANO_FLAGS"] += f",gpuarray.cache_path={compiled}"

    def start(command, launches=None, **environ):
        loss = {} if launches is None else {"EMULATED_LOSS": f"{launches}:214"}
        return subprocess.Popen(
            command, env=env | loss | environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return start


def test_a_training_stops_says_what_to_do_and_goes_on_later(on_cuda, tmp_path):
    lost = on_cuda([*TRAIN, "500"], launches=2000)
    _, errors = lost.communicate()
    assert lost.returncode == 1
    assert "Traceback" not in errors
    kept = re.search(LOST + r"The run first has a checkpoint after epoch (\d+) and continues from there", errors)
    assert kept, errors
    epoch = int(kept[1])
    checkpoint = model_file.load(tmp_path / "first" / "checkpoint.npz", NumpyRNN)
    assert checkpoint.header["progress"]["epoch"] == epoch > 1
    # in another order of a kernel's blocks
    resumed = on_cuda([*COMMAND, "--resume", "first", "--epochs", str(epoch + 2)], EMULATED_SEED="1")
    _, errors = resumed.communicate()
    assert resumed.returncode == 0, errors
    whole = on_cuda([*TRAIN[:-2], "whole", "--epochs", str(epoch + 2)], EMULATED_SEED="2")
    whole.communicate()
    costs = [[row.cost for row in Run.open(name, tmp_path).metrics()] for name in ("first", "whole")]
    assert costs[0] == costs[1]
    models = [model_file.load(tmp_path / name / "checkpoint.npz", NumpyRNN).model for name in ("first", "whole")]
    values, expected = (model.get_values() for model in models)
    assert all(np.array_equal(values[W], expected[W]) for W in expected)


def test_a_training_that_has_no_checkpoint_yet_begins_anew(on_cuda):
    _, errors = on_cuda([*TRAIN, "500"], launches=100).communicate()
    assert re.search(
        LOST + "The run first had no checkpoint yet and starts from the beginning when it is resumed", errors
    ), errors


def test_a_driver_that_shows_no_gpu_any_more_is_met_at_the_door(on_cuda):
    _, errors = on_cuda([*TRAIN, "1"], launches=0).communicate()
    assert "see whether `nvidia-smi` works on the machine itself" in errors


def test_the_panel_says_so_and_does_not_go_on_before_the_kernel_is_restarted(on_cuda):
    if importlib.util.find_spec("ipywidgets") is None:
        pytest.skip("no ipywidgets, so no panels")
    said, errors = on_cuda([sys.executable, "-c", PANEL], launches=2000).communicate()
    first, second = said.splitlines()[-2:]
    assert re.search(LOST + r"The run first has a checkpoint after epoch \d+", first), errors
    assert "the GPU has stopped working" in second


def test_two_kernels_on_one_device(on_cuda):
    both = [on_cuda([*TRAIN[:-2], name, "--epochs", "1"]) for name in ("one", "two")]
    ends = [program.communicate() for program in both]
    assert [program.returncode for program in both] == [0, 0], ends
