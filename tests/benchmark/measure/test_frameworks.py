"""The models in PyTorch as they are measured: their numbers, devices and threads."""

import pytest
from benchmark.conftest import LABELS, framework

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS, WORKS, Case
from lxmls_rnn.benchmark.measure.contenders import TorchContender, draw_values
from lxmls_rnn.benchmark.measure.worker import Bench, start


@pytest.mark.parametrize("model", CASE_MODELS)
@pytest.mark.parametrize("implementation", LABELS)
def test_their_numbers_are_the_reference_numbers(implementation, model):
    framework(implementation)
    bench = Bench(implementation, "cpu", "float32")
    for work in WORKS:
        for batch in (1, 3):
            prepared = bench.prepare(Case(model, implementation, "cpu", "float32", work, 5, batch, 4, 30))
            assert prepared["difference"] < 1e-5
            assert prepared["device"] == "cpu"
    measured = bench.measure(1e-9)
    assert measured["seconds"][0] > 0
    assert measured["device_memory"] is None


def test_a_device_that_it_does_not_have_is_unavailable(monkeypatch):
    framework("torch")
    monkeypatch.setenv("LXMLS_DEVICE", "cuda77")
    assert start("torch", 1)["unavailable"].startswith("LXMLS_DEVICE=cuda77 is unavailable: PyTorch ")


def test_parameters_elsewhere_are_told(monkeypatch):
    framework("torch")
    bench = Bench("torch", "cpu", "float32")
    bench.prepare(Case("rnn", "torch", "cpu", "float32", "forward", 5, 1, 4, 30))
    monkeypatch.setattr("lxmls_rnn.deep_learning.torch_rnn.device", lambda: "another")
    monkeypatch.setattr(bench.tagger, "case", Case("rnn", "torch", "cuda", "float32", "step", 5, 1))
    assert "cpu" in bench.tagger.device().lower()


def test_pytorch_has_as_many_threads_as_the_worker():
    torch = framework("torch")
    before = torch.get_num_threads()
    try:
        assert start("torch", 2) == {}
        case = Case("rnn", "torch", "cpu", "float32", "step", 5, 1, 4, 30)
        assert TorchContender(case, draw_values(case)).model.threads == 2
    finally:
        torch.set_num_threads(before)
