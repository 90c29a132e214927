"""Verdicts on the times of both plans of a layer."""

import pytest

from lxmls_rnn.benchmark.show import plans


@pytest.fixture
def measured(make_results, make_row):
    """Make results from how many times as fast one kernel is, by model, device and hidden size."""

    def make(faster):
        rows = []
        for (model, device), ratios in faster.items():
            for n_hidd, ratio in ratios.items():
                rows.append(make_row(1e-3 / ratio, "one-kernel", device, model=model, n_hidd=n_hidd, batch=4))
                rows.append(make_row(1e-3, "stepwise", device, model=model, n_hidd=n_hidd, batch=4))
        return make_results(*rows)

    return make


def test_each_model_and_device_has_its_line_and_a_layer_one_bound(measured, monkeypatch):
    monkeypatch.delenv("LXMLS_FUSED_UP_TO", raising=False)
    found = plans.recommendations(
        measured(
            {
                ("lstm", "cuda"): {64: 3, 128: 0.5},
                ("lstm-no-peepholes", "cuda"): {64: 3, 128: 2},
                ("rnn", "cuda1"): {100: 0.5, 300: 0.9},
            }
        )
    )
    assert found == [
        "lstm on cuda: measured with 64 to 128 hidden units, one kernel is faster up to 64 with batch 4; "
        "over all batches up to 64. The library uses it up to 192.",
        "lstm-no-peepholes on cuda: measured with 64 to 128 hidden units, one kernel is faster everywhere "
        "with batch 4; over all batches everywhere. The library uses it up to 192.",
        "rnn on cuda1: measured with 100 to 300 hidden units, one kernel is faster nowhere with batch 4; "
        "over all batches nowhere. The library uses it up to 512.",
        "LXMLS_FUSED_UP_TO=lstm=64,rnn=0 makes the library use these bounds.",
    ]


def test_the_bound_weighs_what_is_won_against_what_is_lost(measured):
    """One kernel twice as fast at 200 outweighs that it takes 1.5 times as long at 100, and at 300 it does not."""
    (line, _) = plans.recommendations(measured({("rnn", "cuda"): {100: 1 / 1.5, 200: 2, 300: 1 / 1.01}}))
    assert "one kernel is faster up to 200 with batch 4" in line


def test_what_was_measured_with_one_plan_or_without_a_time_is_left_out(make_results, make_row):
    rows = [make_row(1e-3, "one-kernel", "cuda"), make_row(None, "stepwise", "cuda")]
    rows += [make_row(1e-3, "stepwise", "cuda", batch=2), make_row(1e-3, "one-kernel", "cuda1", batch=2)]
    rows += [make_row(1e-3, "one-kernel", "cuda1", batch=3), make_row(2e-3, "fused", "cuda1", batch=3)]
    assert plans.recommendations(make_results(*rows)) == []


def test_the_bound_between_the_plans_is_found_for_each_batch_and_over_all(make_results, make_row):
    """The speed-ups by one kernel are those at 100, 200 and 300 hidden units."""
    faster = {1: (2, 2, 1.1), 8: (2, 0.8, 0.5), 9: (0.99, 0.9, 0.9)}
    rows = [
        make_row(1e-3 / (ratio if name == "one-kernel" else 1), name, "cuda", n_hidd=n_hidd, batch=batch)
        for batch, ratios in faster.items()
        for n_hidd, ratio in zip((100, 200, 300), ratios, strict=True)
        for name in ("one-kernel", "stepwise")
    ]
    assert plans.recommendations(make_results(*rows)) == [
        "rnn on cuda: measured with 100 to 300 hidden units, one kernel is faster everywhere with batch 1, "
        "up to 100 with batch 8, nowhere with batch 9; over all batches up to 200. The library uses it up to 512.",
        "LXMLS_FUSED_UP_TO=rnn=200 makes the library use these bounds.",
    ]
    assert plans.recommendations(make_results(*rows[::2])) == []
