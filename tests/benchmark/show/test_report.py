"""The table, the cross-over and the sentences made of results whose numbers are known."""

import re

import pytest
from rich.console import Console

from lxmls_rnn.benchmark.show import report


def text(table):
    console = Console(width=160, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    return console.export_text()


def test_rows_whose_spread_exceeds_the_difference_are_named(make_results, make_row):
    close, far = make_row(1.99e-3, "fused"), make_row(1e-3, "scan")
    (line,) = report.uncertain(make_results(make_row(2e-3), close, far))
    assert line.endswith("from numpy, so the ratio means nothing: fused on cpu (rnn backward, hidden 20, batch 1).")
    close.medians = close.medians[:2]  # its ratio is marked
    assert report.uncertain(make_results(make_row(2e-3), close)) == []
    assert report.uncertain(make_results(make_row(2e-3), far)) == report.uncertain(make_results(close)) == []
    for narrow, wide in ((0, 1), (1, 0)):  # the spread of either may exceed the difference, here of 2 %
        pair = [make_row(2e-3), make_row(1.96e-3, "fused")]
        pair[narrow].q1 = pair[narrow].q3 = pair[narrow].median
        pair[wide].q3 = 1.05 * pair[wide].median
        assert len(report.uncertain(make_results(*pair))) == 1
    slower, faster = make_row(1.3e-3), make_row(1e-3, "fused")
    slower.q3 = 1.24 * slower.median  # spread 25 %, difference 23 % of the slower one's time
    assert len(report.uncertain(make_results(slower, faster))) == 1
    exact = [make_row(2e-3), make_row(2e-3, "fused")]
    for row in exact:
        row.q1 = row.q3 = row.median
    assert report.uncertain(make_results(*exact)) == []  # a spread of 0 exceeds nothing


def test_a_group_begins_with_its_sizes_and_its_fastest_row(make_results, make_row):
    (lines,) = report.sections(make_results(make_row(2e-3), make_row(5e-4, "fused")))
    assert [line[:5] for line in lines] == [["rnn", "backward", "20", "1", "fused on cpu"], [*[""] * 4, "numpy on cpu"]]


@pytest.mark.parametrize(
    ("model", "width", "missing"),
    [
        ("rnn", 160, []),
        ("lstm-no-peepholes", 130, ["GFLOP/s", "compile", "memory"]),
        ("rnn", 80, ["quartiles", "CPU", "words/s", "GFLOP/s", "compile", "memory"]),
        ("lstm-no-peepholes", 80, ["quartiles", "CPU", "words/s", "GFLOP/s", "compile", "memory"]),
    ],
)
def test_a_table_leaves_out_columns_and_cuts_no_cell(make_results, make_row, model, width, missing):
    rows = make_row(1e-3, model=model), make_row(2e-3, "torch-fused", "cuda", model=model)
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    table = report.table(make_results(*rows), width=width)
    console.print(table)
    shown = console.export_text()
    assert "…" not in shown
    assert [name for name in report.header() if name not in [column.header for column in table.columns]] == missing
    caption = f"Without room for {', '.join(missing)}."
    assert (caption in " ".join(shown.split())) == bool(missing)


def test_less_work_is_starred_and_the_star_told(make_results, make_row):
    results = make_results(
        *(
            make_row(1e-3, name, model=model)
            for model in ("lstm", "lstm-no-peepholes")
            for name in ("fused", "torch-fused")
        )
    )
    shown = text(report.table(results))
    assert re.search(r"lstm .* fused on cpu", shown)
    assert re.search(r"torch-fused\* on cpu.*lstm-no-peepholes.*torch-fused on cpu", shown, re.DOTALL)
    assert "as much work as lstm-no-peepholes" in " ".join(report.less_work(results))
    assert report.less_work(make_results(*results.rows[2:])) == []


def test_a_line_of_the_table_has_all_figures(make_results, make_row):
    """10^6 operations in 250 us; less where something is not known."""
    base, row, bare = make_row(1e-3), make_row(2.5e-4, "fused", "cuda"), make_row(5e-4, "scan")
    row.q1, row.q3, row.device_memory, row.compile_s = 2.25e-4, 2.75e-4, 30 * 10**6, 2.5
    bare.host_memory, bare.compile_s, bare.q1, bare.processor = None, None, 3e-4, 0.96
    (lines,) = report.sections(make_results(base, row, bare))
    assert report.header() == [
        *("model", "work", "hidden", "batch", "implementation", "median", "numpy = 1", "quartiles"),
        *("CPU", "words/s", "GFLOP/s", "compile", "memory"),
    ]
    assert lines == [
        [
            *("rnn", "backward", "20", "1", "fused on cuda", "250 us", "4.00", "225 - 275 us"),
            *("100%", "40,000", "4.0", "2.50 s", "100 MB + 30"),
        ],
        [*[""] * 4, "scan on cpu", "500 us ?", "2.00 ?", "300 - 505 us", "96%", "20,000", "2.0", "", "0 MB"],
        [*[""] * 4, "numpy on cpu", "1.00 ms", "1.00", "990 us - 1.01 ms", "100%", "10,000", "1.0", "100 ms", "100 MB"],
    ]


def test_a_ratio_to_an_uncertain_baseline_is_uncertain(make_results, make_row):
    base, row = make_row(1e-3), make_row(5e-4, "fused")
    base.waited = 0.1
    (lines,) = report.sections(make_results(base, row))
    assert [line[5:7] for line in lines] == [["500 us", "2.00 ?"], ["1.00 ms ?", "1.00 ?"]]


def test_another_implementation_can_be_the_baseline(make_results, make_row):
    rows = [make_row(1e-3), make_row(2e-3, "scan", "cuda"), make_row(4e-3, "scan")]
    (lines,) = report.sections(make_results(*rows), "scan")
    assert [line[6] for line in lines] == ["2.00", "1.00", "0.50"]  # its first device
    assert report.header("scan")[6] == "scan = 1"
    (lines,) = report.sections(make_results(rows[0], make_row(None, "scan")), "scan")
    assert [line[6] for line in lines] == [""]


def test_lengths_and_dtypes_are_told_where_they_differ(make_results, make_row):
    """In the first line of a group; a group without a measured row has none."""
    rows = [make_row(1e-3), make_row(1e-3, "fused"), make_row(None, batch=3), make_row(1e-3, length=30)]
    assert [[line[:4] for line in lines] for lines in report.sections(make_results(*rows))] == [
        [["rnn", "backward", "20", "1 x 10"], [""] * 4],
        [["rnn", "backward", "20", "1 x 30"]],
    ]
    rows = [make_row(1e-3), make_row(1e-3, "fused"), make_row(1e-3, dtype="float64")]
    assert [lines[0][:4] for lines in report.sections(make_results(*rows))] == [
        ["rnn float32", "backward", "20", "1"],
        ["rnn float64", "backward", "20", "1"],
    ]


def test_what_was_not_measured_is_said_with_how_it_went_wrong(make_results, make_row):
    said = []
    statuses = ("memory", "limit", "stopped", "stopped", "crashed", "wrong", "unavailable", "unavailable")
    for batch, status in enumerate(statuses, 1):
        row = make_row(None, *(("fused", "cuda") if batch == len(statuses) else ()), batch=batch)
        row.status, row.why = status, "why"
        said.append(row)
    assert report.not_measured(make_results(make_row(1e-3), *said)) == [
        "out of memory: numpy on cpu, rnn backward, hidden 20, batch 1, length 10, float32: why",
        "too slow: numpy on cpu, rnn backward, hidden 20, batch 2, length 10, float32: why",
        "not measured: 2 cases: why",
        "crashed: numpy on cpu, rnn backward, hidden 20, batch 5, length 10, float32: why",
        "wrong: numpy on cpu, rnn backward, hidden 20, batch 6, length 10, float32: why",
        "not available: numpy on cpu, fused on cuda: why",
    ]
    said[0].why = "another"
    assert len(report.not_measured(make_results(*said), already_shown="why")) == 1


def test_why_there_is_no_gpu_is_the_devices_reason_before_any_other(make_results, make_row, gpu_results):
    absent, stopped = make_row(None, "fused", "cuda"), make_row(None, "fused", "cuda", batch=2)
    absent.status, absent.why = "unavailable", "no driver"
    stopped.status, stopped.why = "stopped", "the run was stopped"
    assert report.without_gpu(make_results(stopped, absent)) == "No GPU was measured: no driver."
    assert report.without_gpu(make_results(stopped)) == "No GPU was measured: the run was stopped."
    assert report.without_gpu(make_results(make_row(None, "fused", "cuda"))) == "No GPU has been measured yet."
    assert report.without_gpu(make_results(make_row(1e-3))).endswith("cuda was not among the devices.")
    assert report.without_gpu(gpu_results) == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (12.0, "12.00 s"),
        (9.994e-4, "999 us"),
        (9.996e-4, "1.00 ms"),
        (0.9994, "999 ms"),
        (0.9995, "1.00 s"),
        (9.996e-3, "10.0 ms"),
        (0.25e-6, "0.250 us"),
        (None, ""),
    ],
)
def test_times_have_three_digits(seconds, shown):
    assert report.format_time(seconds) == shown
