"""Published times of cards beside times whose numbers are known."""

import re

import pytest
from benchmark.conftest import measured

from lxmls_rnn.benchmark.measure.benchmark_settings import BenchmarkSettings
from lxmls_rnn.benchmark.measure.published import SIZES, PublishedSizes
from lxmls_rnn.benchmark.show import published

WIDE = [sizes for sizes in SIZES if sizes.length == 30]


@pytest.fixture
def here(make_results, make_row):
    """Make results in which each sentence takes so many us for each hidden unit."""

    def make(microseconds, *more, sizes=WIDE):
        work = {"model": "lstm-no-peepholes", "work": "backward"}
        row = lambda sizes, *given: make_row(*given, **work, **sizes._asdict())  # noqa: E731
        rows = [row(one, 1e-6 * one.n_hidd * one.batch * microseconds, "fused") for one in sizes]
        return make_results(*rows, *(row(*one) for one in more))

    return make


def test_published_times_stand_beside_those_of_this_machine(here):
    lines = list(published.lines(here(1, sizes=[*WIDE, PublishedSizes(320, 64, 100, 123)])))
    assert lines[0] == ["128", "32", "30", "128 with fused", "204.5 (0.6 x)", "118.8 (1.1 x)", ""]
    assert lines[2] == ["320", "64", "100", "320 with fused", "", "", "171.9 (1.9 x)"]
    assert lines[-1] == ["1024", "128", "30", "1,020 with fused", "1,000.1 (1.0 x)", "221.2 (4.6 x)", ""]
    assert next(published.lines(here(1, sizes=WIDE[1:])))[3:5] == ["not measured", "204.5"]
    on_gpu = here(1, (WIDE[0], 32e-6, "fused", "cuda"))
    assert published.header(on_gpu)[3:5] == ["this CPU", "this GPU"]
    assert next(published.lines(on_gpu))[3:5] == ["128 with fused", "1 with fused"]


def test_the_sentence_says_from_which_size_on_each_card_was_faster_and_what_it_is_worth(here):
    results = here(1)
    results.machine["threads"] = 2
    assert published.sentence(results) == (
        "Faster than 2 cores of this machine: Theano on a GTX TITAN X (2015) at 1024 hidden units and 128 sentences, "
        "1.0 times (2.0 cores); cuDNN on a GTX TITAN X (2015) from 128 hidden units and 32 sentences on, 1.1 to 5.1 "
        "times (2.2 to 10 cores), if cores share the work without loss."
    )
    assert "Theano on a GTX TITAN X (2015) at no size; cuDNN" in published.sentence(here(0.5))


def test_uncertain_times_are_marked_and_in_no_sentence(here):
    results = here(1)
    for row in results.rows[1:]:
        row.processes = 1
    assert list(published.lines(results))[1][3:5] == ["128 with fused ?", "200.8 (0.6 x ?)"]
    assert "cuDNN on a GTX TITAN X (2015) at 128 hidden units and 32 sentences, 1.1 times" in published.sentence(
        results
    )
    results.rows[0].processes = 1
    assert published.sentence(results) == "No published size was measured here with certainty."


def test_sizes_that_do_not_fit_the_memory_keep_their_published_times(scripted, make_results, monkeypatch):
    monkeypatch.setattr("lxmls_rnn.memory.free", lambda: 500 << 20)
    cases = BenchmarkSettings("published", device=("cpu",)).cases()
    results = make_results(*measured(scripted(seconds=(0.01,) * 2), cases))
    found = {tuple(line[:2]): line[3:5] for line in published.lines(results)}
    assert found["1024", "128"] == ["out of memory", "1,000.1"]
    assert found["512", "128"] == ["78.1 with fused", "491.0 (0.2 x)"]
    assert "Theano on a GTX TITAN X (2015) at no size" in published.sentence(results)


def test_other_work_has_no_published_times(here, make_results, make_row):
    other = make_results(
        make_row(1e-3, model="lstm-no-peepholes", n_hidd=128, batch=32, length=30)
    )  # 50 numbers a word
    assert (list(published.lines(other)), published.sentence(other), published.notes(other)) == ([], "", [])
    assert all(
        re.search(r"github\.com/\S+, .* at [0-9a-f]{7} \(\d{4}\)\)\.$", note) for note in published.notes(here(1))[1:]
    )
