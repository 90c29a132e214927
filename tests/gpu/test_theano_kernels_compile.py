"""The GPU kernels that the models need, Theano's own too: NVIDIA's compiler accepts them for each kind of GPU.

Theano and libgpuarray run on an emulated GPU whose compiler keeps the sources that it is given. They are compiled
afterwards, for every capability. That says 'compiles for', never 'works on'.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nvrtc
import pytest

if importlib.util.find_spec("pygpu") is None:
    pytest.skip("no pygpu, so Theano makes no GPU kernels (`make pygpu` builds it)", allow_module_level=True)

pytestmark = pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build")
TRAIN = """
import numpy as np
from lxmls_rnn.deep_learning import rnn
from lxmls_rnn.deep_learning.update_rule import Descent

x, y = np.array([[3, 1, 4, 1]], "int32"), np.array([[0, 1, 2, 3]], "int32")
weights = np.ones(x.shape, "float32")
for Model in rnn.RNN, rnn.LSTM, rnn.FastRNN, rnn.FastLSTM:
    model = Model(10, 5, 6, 4, seed=1)
    assert type(model.param[1]).__name__ == "GpuArraySharedVariable"
    model.forward(x[0])
    model.grads(x[0], y[0])
    model.make_step()(x[0], y[0], weights[0], 0.1)
    model.make_step(Descent(clip=1.0), batched=True)(x, y, weights, 0.1)
"""


@pytest.fixture(scope="module")
def kernels(emulated_gpu, tmp_path_factory):
    """Sources of the kernels by file name, and the header that libgpuarray gives them."""
    folder = tmp_path_factory.mktemp("kernels")
    env = {name: value for name, value in os.environ.items() if name != "LXMLS_GPU_FAULT"}
    env |= emulated_gpu | {"LXMLS_DEVICE": "cuda", "LXMLS_FLOATX": "float32", "EMULATED_RECORD": str(folder)}
    done = subprocess.run([sys.executable, "-c", TRAIN], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(
        sources={path.name: path.read_text() for path in sorted(folder.glob("*.cu"))},
        headers={"cluda.h": Path(folder, "cluda.h").read_text()},
    )


def test_the_kernels_of_a_training_step_are_there(kernels):
    everything = "\n".join(kernels.sources.values())
    for name in [
        "elem",
        "take_rows",
        "add_rows",
        "sgemv",
        "kSoftmax",
        "softmax_cost_sum",
        "descend",
        "rnn_forward",
        "lstm_backward",
        "kCrossEntropySoftmax1HotWithBiasDx",
    ]:
        assert f"KERNEL void {name}" in everything


def test_libgpuarray_asks_for_the_right_architecture_through_the_shim(kernels):
    # it cuts 'compute_120' to 'compute_12'
    assert {name.split(".")[1] for name in kernels.sources} == {"compute_120"}


@nvrtc.for_each_capability()
def test_every_kernel_compiles_for(kernels, real_nvrtc, capability):
    if 10 * capability[0] + capability[1] not in real_nvrtc.supported:
        pytest.skip(f"the NVRTC of CUDA {real_nvrtc.version} does not know it")
    refused = {}
    for name, source in kernels.sources.items():
        try:
            nvrtc.compile_for(source, capability, kernels.headers)
        except nvrtc.CompileError as error:
            refused[name] = f"{source}\n{error}"
    assert not refused
