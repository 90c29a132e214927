"""The own GPU kernels as machine code of each kind of card: registers, no spills, shared memory."""

import ptxas
import pytest

pytestmark = pytest.mark.daily("assembles the own kernels for ten kinds of card, half a minute")


@pytest.fixture(scope="module")
def usages(real_nvrtc):
    """The resources of each kernel."""
    if ptxas.library() is None:
        pytest.skip("no ptxas: `uv sync --inexact --only-group ptxas` installs it, 40 MB")
    if real_nvrtc.version != (12, 9):
        pytest.skip(f"ptxas is that of CUDA 12.9, and this NVRTC is that of {real_nvrtc.version}")
    return ptxas.usages()


def test_no_register_is_spilled_and_a_block_fits(usages):
    for name, of in usages.items():
        for arch, usage in of.items():
            assert usage.spilled == 0, f"{name} for {arch}"
            assert 256 * usage.registers <= 65536, f"{name} for {arch}"
            assert usage.shared <= (2048 if name == "softmax_cost_sum" else 0), f"{name} for {arch}"
