"""The models in JAX and PyTorch as they are measured: their numbers, devices, threads, and what counts as compiled."""

import numpy as np
import pytest
from benchmark.conftest import LABELS, framework

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS, WORKS, Case
from lxmls_rnn.benchmark.measure.contenders import TorchContender, draw_values
from lxmls_rnn.benchmark.measure.worker import Bench, peak_calls, start


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


def test_each_shape_counts_as_compiled_since_jit_compiles_it_without_padding():
    framework("jax")
    bench = Bench("jax", "cpu", "float32")
    cases = [Case("rnn", "jax", "cpu", "float32", "forward", 5, 2, length, 30) for length in (4, 5, 4)]
    assert [bench.prepare(case)["compiled"] for case in cases] == [True, True, False]
    assert bench.tagger.model._p_y._cache_size() == 1


@pytest.mark.parametrize("implementation", ["jax", "torch"])
def test_a_device_that_it_does_not_have_is_unavailable(monkeypatch, implementation):
    framework(implementation)
    monkeypatch.setenv("LXMLS_DEVICE", "cuda77")
    why = f"LXMLS_DEVICE=cuda77 is unavailable: {LABELS[implementation]} "
    assert start(implementation, 1)["unavailable"].startswith(why)


@pytest.mark.parametrize("implementation", ["jax", "torch"])
def test_parameters_elsewhere_are_told(monkeypatch, implementation):
    framework(implementation)
    bench = Bench(implementation, "cpu", "float32")
    bench.prepare(Case("rnn", implementation, "cpu", "float32", "forward", 5, 1, 4, 30))
    module = "jax_rnn" if implementation == "jax" else "torch_rnn"
    monkeypatch.setattr(f"lxmls_rnn.deep_learning.{module}.device", lambda: "another")
    monkeypatch.setattr(
        bench.tagger, "case", bench.tagger.case.__class__("rnn", implementation, "cuda", "float32", "step", 5, 1)
    )
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


@pytest.mark.parametrize("implementation", ["jax", "torch"])
def test_a_peak_is_of_a_product_and_a_copy(implementation):
    framework(implementation)
    for call in peak_calls(implementation, "cpu", np.ones((4, 4), "float32"), np.ones(5, "float32")):
        call()
