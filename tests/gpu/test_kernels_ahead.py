"""Kernels that are compiled at the lab's start, on the emulated GPU: found when needed, and only where they fit."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build")
KEPT = "from lxmls_rnn.theano_env import flags; print(flags.in_effect()['gpuarray.cache_path'])"
COMPUTE = """
import numpy, pygpu
from pygpu.elemwise import elemwise2
from lxmls_rnn.theano_env import flags
context = pygpu.init("cuda0", kernel_cache_path=flags.in_effect()["gpuarray.cache_path"] or None)
x = pygpu.array(numpy.ones(3, "float32"), context=context)
print(numpy.asarray(elemwise2(elemwise2(x, "+", x, x), "*", x, x)))
"""

STRUCT = re.compile(r"struct (_Params_\w+)")
ALLOCATE = """
import numpy, theano, theano.tensor as T
n, W = T.iscalar(), theano.shared(numpy.ones((2, 3), "float32"))
f = theano.function([n], T.join(0, {rows}, W))
assert any(type(node.op).__name__ == "GpuAlloc" for node in f.maker.fgraph.toposort())
print(f(2).shape)
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


@pytest.mark.parametrize(
    ("one", "other"),
    [({"EMULATED_CC": "100"}, {"EMULATED_CC": "103"}), ({}, {"LXMLS_DEVICE": "cuda", "LXMLS_NVRTC": "/nowhere"})],
    ids=["capability", "NVRTC"],
)
def test_what_is_compiled_for_something_else_is_kept_apart(run, tmp_path, one, other):
    one, other = Path(run("-c", KEPT, **one)), Path(run("-c", KEPT, **other))
    assert one != other
    assert one.parent == other.parent == tmp_path / "cache" / "gpu" / str(os.getuid())


def test_without_the_image_s_folder_they_are_kept_beside_the_compiled_c_code(run, tmp_path):
    (tmp_path / "cache" / "gpu").rmdir()
    assert Path(run("-c", KEPT)).is_relative_to(tmp_path / "cache" / "theano" / "gpu")


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


@pytest.mark.skipif(importlib.util.find_spec("pygpu") is None, reason="no pygpu (`make pygpu` builds it)")
def test_processes_give_a_c_struct_with_a_gpu_context_the_same_name(run, tmp_path):
    """Else they compile the same code again, and keep it as another module."""
    flags = {"THEANO_FLAGS": f"gpuarray.cache_path=,base_compiledir={tmp_path / 'compiled'}"}
    for rows in ("T.alloc(W[0], n, 3)", "T.zeros((n, 3), 'float32')"):
        assert run("-c", ALLOCATE.format(rows=rows), **flags).endswith("(4, 3)")
    modules = [file.read_text() for file in (tmp_path / "compiled").rglob("mod.cpp")]
    names = {name for module in modules if "PyGpuContextObject" in module for name in STRUCT.findall(module)}
    assert len(names) == 1


def test_the_sentence_about_the_device_says_how_far_it_is(run, tmp_path):
    say = "from lxmls_rnn import device; print(device.choose().sentence)"
    progress = tmp_path / "progress"
    progress.write_text("57 of 138")
    if importlib.util.find_spec("pygpu") is None:
        pytest.skip("no pygpu (`make pygpu` builds it)")
    text = run("-c", say, LXMLS_KERNELS=str(progress))
    assert text.endswith(
        "(cuda). Its kernels are still being compiled, 57 of 138: until then a training starts slowly."
    )
    progress.unlink()
    assert run("-c", say, LXMLS_KERNELS=str(progress)).endswith("(cuda).")
