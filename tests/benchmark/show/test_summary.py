"""The answer of a benchmark, made of results whose numbers are known."""

import pytest

from lxmls_rnn.benchmark.show import summary

SIZES = [(n_hidd, batch) for n_hidd in (20, 128) for batch in (1, 32, 128)]


@pytest.fixture
def step(make_row):
    """Make a row of a training step."""
    return lambda median, *given, **sizes: make_row(median, *given, **{"work": "step", **sizes})


@pytest.fixture
def on_cpu(step):
    """Make the steps of two models in two implementations: 1 us a unit and sentence of the RNN, twice for the LSTM."""

    def make(model, factor):
        for n_hidd, batch in SIZES:
            sizes = {"model": model, "n_hidd": n_hidd, "batch": batch}
            yield step(n_hidd * batch * factor * 1e-6, "fused", **sizes)
            yield step(n_hidd * batch * factor * 9e-6, "numpy", **sizes)

    return [*make("rnn", 1), *make("lstm", 2)]


def test_with_a_gpu_the_answer_is_one_sentence_on_where_it_is_faster(make_results, on_cpu, step):
    """A GPU that takes 1 ms for all."""
    rows = on_cpu
    for model in ("rnn", "lstm"):
        rows += [step(1e-3, "fused", "cuda", model=model, n_hidd=n, batch=b) for n, b in SIZES]
    results = make_results(*rows)
    results.machine["gpus"] = ["NVIDIA H100, compute 9.0"]
    said = (
        "On NVIDIA H100 a training step is faster than on this CPU for the RNN from 128 sentences a batch on with 20 "
        "hidden units, and from 32 sentences a batch on with 128 hidden units; for the LSTM from 32 sentences a batch "
        "on with 20 hidden units, and from 32 sentences a batch on with 128 hidden units"
    )
    assert summary.answer(results) == f"{said}."
    for row in rows[1:18:2]:  # of NumPy, and not the fastest
        row.medians = row.medians[:2]
    assert summary.answer(results) == f"{said}; 9 of 36 rows are uncertain (?): is the machine busy?"
    assert summary.uncertain_lines(results)[0].startswith("?: uncertain, and in no answer: it has fewer than 6 ")
    for row in rows[:19]:
        row.medians = row.medians[:2]
    assert summary.answer(results) == "No answer: 19 of 36 rows are uncertain (?): is the machine busy?"


def test_the_gpu_must_win_at_every_larger_batch(make_results, step):
    rows = [step(2e-3, "fused", batch=batch) for batch in (1, 32, 128)]
    rows += [step(median, "fused", "cuda", batch=batch) for batch, median in ((1, 1e-3), (32, 3e-3), (128, 1e-3))]
    said = summary.answer(make_results(*rows))
    assert said.endswith("faster than on this CPU for the RNN from 128 sentences a batch on with 20 hidden units.")


@pytest.mark.parametrize(("gpu", "where"), [(0.96e-3, "at every batch"), (1.04e-3, "nowhere")])
def test_a_gpu_that_is_hardly_slower_does_not_win(make_results, step, gpu, where):
    said = summary.answer(make_results(step(1e-3), step(gpu, "fused", "cuda")))
    assert f"faster than on this CPU for the RNN {where} with 20 hidden units." in said


def test_without_a_gpu_the_answer_is_what_the_smallest_sizes_take_with_certainty(make_results, step):
    sure, doubtful, larger = step(2e-5, "numpy"), step(1e-5, "fused"), step(4e-5, batch=4)
    assert summary.answer(make_results(sure)) == (
        "No GPU was measured; on this CPU a training step takes 20.0 us with numpy (RNN, 20 hidden units, one sentence "
        "of 10 words: 500,000 words/s)."
    )
    assert summary.answer(make_results(larger, sure)) == summary.answer(make_results(sure))
    assert summary.uncertain_lines(make_results(sure)) == []
    busy = make_results(sure)
    busy.doubt = "This machine is busy."
    assert summary.answer(busy) == f"{summary.answer(make_results(sure))} This machine is busy."
    doubtful.q3 = 1.4e-5
    said = summary.answer(make_results(sure, doubtful))
    assert said.startswith("No GPU was measured, and no size of a training step with certainty on this CPU; 1 of 2 ")
    assert "40.0 us with numpy (RNN, 20 hidden units, 4 " in summary.answer(make_results(sure, doubtful, larger))
    gpu = step(1e-6, "fused", "cuda")
    gpu.q3 = 1.4e-6
    assert summary.speed_up_lines(make_results(sure, gpu)) == []
    assert summary.answer(make_results(sure, gpu)).startswith(
        "When a GPU pays is open: no size of a training step was "
    )


def test_uncertain_steps_leave_the_answer_to_certain_gradients(make_results, step):
    doubtful, sure = step(1e-5), step(3e-5, work="backward")
    doubtful.medians = doubtful.medians[:2]
    assert "a forward and backward pass takes 30.0 us" in summary.answer(make_results(doubtful, sure))


def test_a_certain_copy_does_not_stand_for_uncertain_passes(make_row):
    forward, copied = make_row(1e-3, work="forward"), make_row(1e-5, "fused", "cuda", work="copy")
    forward.processor = 0.5  # of a busy machine
    assert (forward.is_uncertain, copied.is_uncertain) == (True, False)
    assert summary.deciding_work([forward, copied]) == "forward"


def test_a_slower_row_does_not_stand_for_the_uncertain_fastest(make_results, step):
    sizes = {"n_hidd": 128, "batch": 32}
    small, slow, fast, gpu = (
        step(1e-5),
        step(5e-3, "scan", **sizes),
        step(6e-4, **sizes),
        step(1e-3, "fused", "cuda", **sizes),
    )
    assert "0.6 at batch 32" in summary.speed_up_lines(make_results(small, slow, fast, gpu))[0]
    fast.q3 = 2 * fast.median
    assert summary.speed_up_lines(make_results(small, slow, fast, gpu)) == []


def test_the_answer_rests_on_the_speed_up_of_each_size(gpu_results):
    assert summary.speed_up_lines(gpu_results) == [
        "GPU over CPU, rnn backward, hidden 20, 10 words, float32: 0.02 at batch 1, 0.32 at batch 16, 2.6 at batch 128",
        "GPU over CPU, rnn backward, hidden 100, 10 words, float32: 0.1 at batch 1, 1.6 at batch 16, 13 at batch 128",
        "GPU over CPU, rnn backward, hidden 500, 10 words, float32: 0.5 at batch 1, 8 at batch 16, 64 at batch 128",
    ]


def test_results_without_any_measured_row_have_no_answer(make_results, step):
    assert summary.answer(make_results(step(None))) == ""
