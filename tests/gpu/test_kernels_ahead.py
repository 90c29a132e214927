"""Kernels that are compiled at the lab's start, on the emulated GPU: found when needed."""

import importlib.util
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build")
COMPUTE = """
import numpy, pygpu
from pygpu.elemwise import elemwise2
from lxmls_rnn.theano_env import flags
context = pygpu.init("cuda0", kernel_cache_path=flags.in_effect()["gpuarray.cache_path"] or None)
x = pygpu.array(numpy.ones(3, "float32"), context=context)
print(numpy.asarray(elemwise2(elemwise2(x, "+", x, x), "*", x, x)))
"""


@pytest.fixture
def run(emulated_gpu, tmp_path):
    """Run Python in an image of which there are the folders alone."""
    for folder in ("kernels", "gpu", "theano"):
        (tmp_path / "cache" / folder).mkdir(parents=True)

    def call(*arguments, **environ):
        base = {name: value for name, value in os.environ.items() if name not in ("LXMLS_GPU_FAULT", "THEANO_FLAGS")}
        base |= {**emulated_gpu, "THEANO_FLAGS": "", "LXMLS_DEVICE": "cuda", "LXMLS_IMAGE": str(tmp_path)}
        done = subprocess.run([sys.executable, *arguments], env=base | environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return call


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(importlib.util.find_spec("pygpu") is None, reason="no pygpu (`make pygpu` builds it)")
def test_what_was_compiled_ahead_is_found(run, tmp_path):
    kept, recorded, progress = tmp_path / "cache" / "gpu", tmp_path / "cache" / "kernels", tmp_path / "progress"
    expected = run("-c", COMPUTE, THEANO_FLAGS="gpuarray.cache_path=", EMULATED_RECORD=str(recorded))
    assert files(kept) == set()
    progress.touch()
    count = len(list(recorded.glob("*.cu")))
    text = run("-m", "lxmls_rnn.theano_env.kernels", LXMLS_KERNELS=str(progress))
    assert f"Kernels for the GPU: all {count} are compiled" in text
    assert not progress.exists()
    ahead = files(kept)
    assert len(ahead) == count > 1
    assert run("-c", COMPUTE) == expected
    assert files(kept) == ahead
