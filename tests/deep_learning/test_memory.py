"""The C++ code of the Ops stays within its arrays, its threads out of each other's, and calls leave nothing behind."""

import gc
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from environment import without_waits

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.ops.cpu import c_source
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.ops.cpu.sgd_steps import SGDSteps

HARNESS = Path(__file__).with_name("memory_harness.cpp")
compiles_all = pytest.mark.daily("compiles all C++ code with a sanitizer, ten seconds")
every_way = pytest.mark.nightly("the same as the steps of tanh in float32, of each activation and type in every way")
ten_thousand = pytest.mark.nightly("the same as a thousand calls on larger arrays, ten thousand on the smallest")
WATCHES = {
    "addresses": ["-fsanitize=address"],  # compiles in half the time
    "memory": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "threads": ["-fsanitize=thread", "-O1"],
}


@pytest.fixture(scope="module")
def sanitizer(request, tmp_path_factory):
    """The flags of one of `WATCHES`."""
    if shutil.which("g++") is None:
        pytest.skip("there is no g++")
    program, flags = tmp_path_factory.mktemp("sanitizers") / "empty", WATCHES[request.param]
    done = subprocess.run(["g++", *flags, "-x", "c++", "-", "-o", program], input="int main() {}", text=True)
    if done.returncode != 0 or subprocess.run([program]).returncode != 0:
        pytest.skip(f"g++ cannot link with {flags[0]} here, or what it makes does not run")
    return flags


def watched(tmp_path, sanitizer, activation, dtype, options):
    """Run the C++ code on arrays of many sizes; the test fails with what the sanitizer reports."""

    def namespace(name, code, macros=None):
        once = {"HOT": ""}  # not for AVX-512 beside all others, which is the same code
        return c_source.in_namespace(name, code, dtype, once | (macros or {}))

    code = namespace("plain", c_source.read("softmax_cost.hpp"))
    layers = {"rnn": RNNLayer(activation), "lstm": LSTMLayer(), "plain_lstm": LSTMLayer(peepholes=False)}
    for name, layer in layers.items():
        op = SGDSteps(layer)
        code += namespace(name, op.code() + '#include "memory_harness_steps.cpp"\n', op.macros())
    (tmp_path / "ops.h").write_text(code)
    number = c_source.C_TYPES[dtype]["FLOAT"]
    flags = ["-g1", *sanitizer, f"-DNUMBER={number}", f"-I{HARNESS.parent}", f"-I{tmp_path}"]
    subprocess.run(["g++", *flags, HARNESS, "-o", tmp_path / "harness"], check=True)
    done = subprocess.run([tmp_path / "harness", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@compiles_all
@pytest.mark.parametrize(
    ("sanitizer", "activation", "dtype", "options"),
    [
        pytest.param("addresses", "tanh", "float32", [], id="tanh-float32"),
        *(
            pytest.param("memory", activation, dtype, ["all"], marks=every_way, id=f"{activation}-{dtype}-in every way")
            for activation in OF_RNN
            for dtype in c_source.C_TYPES
            if activation == "tanh" or dtype == "float32"  # neither depends on the other
        ),
    ],
    indirect=["sanitizer"],
)
def test_no_read_or_write_outside_an_array(sanitizer, tmp_path, activation, dtype, options):
    watched(tmp_path, sanitizer, activation, dtype, options)


@compiles_all
@pytest.mark.parametrize("sanitizer", ["threads"], indirect=True)
def test_threads_write_nothing_that_others_use(sanitizer, tmp_path):
    watched(tmp_path, sanitizer, "tanh", "float32", [])


# one sentence of 99,000 words in a batch of 44: T B E is over 2^31, in 4 GB of address space
LARGE = """
import resource
import numpy as np
from lxmls_rnn.deep_learning import rnn

model = rnn.FastRNN(20, 1000, 5, 4, seed=0)
step = model.make_step(batched=True)
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
ids = np.zeros((44, 99_000), "int32")
try:
    step(ids, ids, np.ones(ids.shape, model.dtype), 0.1)
except MemoryError as error:
    print(error)
"""


def test_arrays_of_more_than_two_to_the_31_numbers_are_refused_where_memory_ends():
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True)
    assert (done.returncode, without_waits(done.stderr)) == (0, [])
    assert "the arrays of a batch do not fit" in done.stdout


@pytest.mark.parametrize(
    ("cls", "words", "calls"),
    [
        (rnns.FastLSTM, 30, 1000),
        *(pytest.param(cls, 3, 10_000, marks=ten_thousand) for cls in (rnns.FastRNN, rnns.FastLSTM)),
    ],
)
def test_many_calls_leave_nothing_behind(cls, words, calls):
    model = cls(20, 30, 25, 4, seed=0)
    x, y = np.resize(np.array([1, 2, 1], "int32"), words), np.resize(np.array([0, 1, 2], "int32"), words)
    weights, step = np.full(words, 1 / words, model.dtype), model.make_step()

    def memory_after(n):
        for _ in range(n):
            step(x, y, weights, 0.01)
            model.forward(x)
            model.grads(x, y)
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    before = memory_after(calls // 5)
    # the smallest of the arrays of a call, words x 4 numbers, would add up to a megabyte
    assert memory_after(calls) - before < 500_000
