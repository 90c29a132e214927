"""The own GPU kernels as machine code of each kind of card: registers, no spills, shared memory."""

import nvrtc
import ptxas
import pytest


def check(toolkit, arch):
    """Whether no register is spilled and a block fits."""
    if arch not in toolkit.compiler.supported:
        pytest.skip(f"the NVRTC of CUDA {toolkit.compiler.version} does not know it")
    for name, usage in ptxas.usages(toolkit, arch).items():
        assert usage.spilled == 0, f"{name} for {arch}"
        assert 256 * usage.registers <= 65536, f"{name} for {arch}"
        assert usage.shared <= (2048 if name == "softmax_cost_sum" else 0), f"{name} for {arch}"


@pytest.mark.daily("assembles the own kernels, some seconds for each kind of card")
@nvrtc.for_each_capability()
def test_no_register_is_spilled_and_a_block_fits(capability):
    toolkit = ptxas.toolkit()
    if toolkit is None:
        pytest.skip("no ptxas: `uv sync --inexact --only-group ptxas` installs it, 40 MB")
    check(toolkit, 10 * capability[0] + capability[1])


@pytest.mark.nightly("the same with the newest NVRTC and ptxas")
def test_the_newest_toolkit_assembles_the_kernels_for_every_card():
    toolkit = ptxas.newest()
    if toolkit is None:
        pytest.skip("no newest NVRTC and ptxas: `uv sync --inexact --only-group newest-cuda` installs them, 90 MB")
    for major, minor in nvrtc.CAPABILITIES:
        check(toolkit, 10 * major + minor)
