"""The layers' own GPU kernels: NVIDIA's compiler accepts them for each kind of GPU, which is not 'works on'."""

import re

import nvrtc
import pytest
from own_kernels import LAYERS, SOURCES

from lxmls_rnn.deep_learning.ops.gpu.kernel_source import layer_source


@nvrtc.for_each_capability()
@pytest.mark.parametrize("name", SOURCES)
def test_it_compiles_for(real_nvrtc, name, capability):
    if 10 * capability[0] + capability[1] not in real_nvrtc.supported:
        pytest.skip(f"the NVRTC of CUDA {real_nvrtc.version} does not know it")
    ptx = nvrtc.compile_for(SOURCES[name], capability)
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
