"""JAX's taggers, in this process: their numbers, what a step does in place, and which devices they have."""

import numpy as np
import pytest

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS, WORKS, Case
from lxmls_rnn.benchmark.measure.contenders import draw_batch, draw_values
from lxmls_rnn.benchmark.measure.worker import Bench, peak_calls, start

jax = pytest.importorskip("jax", reason="JAX is not installed: `make setup WITH=jax` brings it")
from lxmls_rnn.benchmark.measure.jax_peer import JaxContender, jax_device  # noqa: E402


@pytest.fixture(autouse=True)
def settings_of_jax_stay():
    """Restore the settings that a worker changes for its whole process."""
    names = "jax_enable_x64", "jax_default_matmul_precision"
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("model", CASE_MODELS)
def test_its_numbers_are_the_reference_numbers(model, dtype, tolerance):
    bench = Bench("jax", "cpu", dtype)
    for work in WORKS:
        for batch in (1, 3):
            prepared = bench.prepare(Case(model, "jax", "cpu", dtype, work, 5, batch, 4, 30))
            assert prepared["difference"] < tolerance
            assert prepared["device"] == "cpu"
    assert {W.dtype for W in bench.tagger.param} == {np.dtype(dtype)}
    measured = bench.measure(1e-9)
    assert measured["seconds"][0] > 0
    assert measured["device_memory"] is None


def test_each_shape_counts_as_compiled_since_jit_compiles_it():
    bench = Bench("jax", "cpu", "float32")
    cases = [Case("rnn", "jax", "cpu", "float32", "step", 5, 2, length, 30) for length in (4, 5, 4)]
    assert [bench.prepare(case)["compiled"] for case in cases] == [True, True, False]


def test_a_step_overwrites_the_parameters_and_changes_only_the_embeddings_of_its_words():
    case = Case("lstm", "jax", "cpu", "float32", "step", 5, 2, 4, 30)
    tagger, batch = JaxContender(case, draw_values(case)), draw_batch(case, 2, 4)
    before, embeddings = tagger.param, np.array(tagger.param[0])
    tagger.bind(batch, 1.0)()
    assert all(W.is_deleted() for W in before)
    changed = (np.array(tagger.param[0]) != embeddings).any(1)
    assert set(np.flatnonzero(changed)) == set(batch.x.flat)
    tagger.reset()
    np.testing.assert_array_equal(tagger.param[0], embeddings)


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("opencl0:0", "JAX has no device opencl0:0"),
        ("cuda77", "this JAX computes on the CPU only: .*|JAX has no device cuda77: it finds ."),
    ],
)
def test_a_device_that_it_does_not_have_is_unavailable(device, why):
    with pytest.raises(RuntimeError, match=why):
        raise RuntimeError(start("jax", device, 1)["unavailable"])


def test_the_gpus_that_it_finds_are_counted(monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda platform: {"cuda": ["first", "second"]}[platform])
    assert (jax_device("cuda"), jax_device("cuda1")) == ("first", "second")
    with pytest.raises(RuntimeError, match="JAX has no device cuda2: it finds 2 GPUs"):
        jax_device("cuda2")


def test_it_says_its_version_and_where_its_parameters_are():
    assert start("jax", "cpu", 1) == {"device": "cpu", "versions": {"numpy": np.__version__, "jax": jax.__version__}}
    case = Case("rnn", "jax", "cpu", "float32", "forward", 5, 1, 4, 30)
    tagger = JaxContender(case, draw_values(case))
    assert tagger.device() == "cpu"
    tagger.place = "another"
    assert tagger.device() == str(jax_device("cpu"))


def test_its_peak_is_of_a_product_and_a_copy():
    for call in peak_calls("jax", "cpu", np.ones((4, 4), "float32"), np.ones(5, "float32")):
        call()
