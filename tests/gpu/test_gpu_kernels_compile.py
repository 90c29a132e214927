"""The layers' own GPU kernels: NVIDIA's compiler accepts them for each kind of GPU, which is not 'works on'."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import nvrtc
import pytest
from own_kernels import LAYERS, SOURCES

from lxmls_rnn.deep_learning.ops.gpu.kernel_source import layer_source

ONE_KERNEL = """
import pygpu
source = '#include "cluda.h"\\nKERNEL void nothing(GLOBAL_MEM ga_float *a) {}'
pygpu.gpuarray.GpuKernel(source, "nothing", [pygpu.gpuarray.GpuArray], context=pygpu.init("cuda0"))
"""


@pytest.fixture(scope="module", params=["this folder's", "libgpuarray's"])
def headers(request, tmp_path_factory):
    """The cluda.h that is checked in, and the one that an installed libgpuarray gives to the compiler."""
    if request.param == "this folder's":
        return {}
    if importlib.util.find_spec("pygpu") is None:
        pytest.skip("no pygpu, so no cluda.h but this folder's (`make pygpu` builds it)")
    folder = tmp_path_factory.mktemp("header")
    env = os.environ | request.getfixturevalue("emulated_gpu") | {"EMULATED_RECORD": str(folder)}
    done = subprocess.run([sys.executable, "-c", ONE_KERNEL], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {"cluda.h": Path(folder, "cluda.h").read_text()}


@nvrtc.for_each_capability()
@pytest.mark.parametrize("name", SOURCES)
def test_it_compiles_for(real_nvrtc, headers, name, capability):
    if 10 * capability[0] + capability[1] not in real_nvrtc.supported:
        pytest.skip(f"the NVRTC of CUDA {real_nvrtc.version} does not know it")
    ptx = nvrtc.compile_for(SOURCES[name], capability, headers)
    kernels = SOURCES[name].count("KERNEL void ") - SOURCES[name].count("WITHIN_KERNEL void ")
    assert ptx.count(".visible .entry") == kernels


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_load_from_local_memory_serves_four_products(real_nvrtc, layer):
    ptx = nvrtc.compile_for(layer_source(layer), (8, 0))
    for way in ("forward", "backward"):
        kernel = ptx.split(f".visible .entry {layer.source.split('_')[0]}_{way}(")[1].split(".visible .entry")[0]
        parts = re.split(r"^\$L", kernel, flags=re.MULTILINE)
        products = [part for part in parts if part.count("ld.global") >= 16]
        assert any("ld.shared.v4.f32" in part and "ld.shared.f32" not in part for part in products)
