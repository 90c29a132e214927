"""PyTorch's taggers, in this process: their numbers, and which devices they have."""

import numpy as np
import pytest

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS, WORKS, Case
from lxmls_rnn.benchmark.measure.contenders import draw_values
from lxmls_rnn.benchmark.measure.worker import Bench, peak_calls, start

torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` brings it")
from lxmls_rnn.benchmark.measure.torch_peer import TorchContender  # noqa: E402


@pytest.mark.parametrize("implementation", ["torch", "torch-fused"])
@pytest.mark.parametrize("model", CASE_MODELS)
def test_its_numbers_are_the_reference_numbers(model, implementation):
    bench = Bench(implementation, "cpu", "float64")
    for work in WORKS:
        for batch in (1, 3):
            prepared = bench.prepare(Case(model, implementation, "cpu", "float64", work, 5, batch, 4, 30))
            assert prepared["difference"] < 1e-12
            assert prepared["device"] == "cpu"
    layer = torch.nn.RNN if model == "rnn" else torch.nn.LSTM
    assert isinstance(bench.tagger.layer, layer) == (implementation == "torch-fused")
    measured = bench.measure(1e-9)
    assert measured["seconds"][0] > 0
    assert measured["device_memory"] is None


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("opencl0:0", "PyTorch has no device opencl0:0"),
        ("cuda77", "this PyTorch is built for the CPU only|PyTorch has no device cuda77: it finds . CUDA devices"),
    ],
)
def test_a_device_that_it_does_not_have_is_unavailable(device, why):
    with pytest.raises(RuntimeError, match=why):
        raise RuntimeError(start("torch", device, 1)["unavailable"])


def test_parameters_elsewhere_are_told():
    case = Case("rnn", "torch", "cpu", "float32", "forward", 5, 1, 4, 30)
    tagger = TorchContender(case, draw_values(case))
    assert tagger.device() == "cpu"
    assert tagger.to("meta").device() == "meta"


def test_it_says_its_version_and_takes_its_threads():
    before = torch.get_num_threads()
    try:
        assert start("torch", "cpu", 1) == {
            "device": "cpu",
            "versions": {"numpy": np.__version__, "torch": torch.__version__},
        }
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_its_peak_is_of_a_product_and_a_copy():
    for call in peak_calls("torch", "cpu", np.ones((4, 4), "float32"), np.ones(5, "float32")):
        call()
