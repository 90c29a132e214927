"""Two files compared: the verdicts on rows whose quartiles are known, the table, the machines."""

import pytest
from rich.console import Console

from lxmls_rnn.benchmark.show import compare


def change(make_row, before, after):
    """A change from quartile, median, quartile to others, in ms."""
    rows = make_row(1.0), make_row(1.0)
    for row, times in zip(rows, (before, after), strict=True):
        row.q1, row.median, row.q3 = (1e-3 * time for time in times)
    return compare.BeforeAndAfter(*rows)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((90, 100, 110), (60, 70, 80), "faster"),
        ((90, 100, 110), (70, 80, 92), "same"),  # the quartiles overlap
        ((90, 100, 110), (120, 130, 140), "slower"),
        ((90, 100, 110), (70, 80, 90), "same"),  # they touch
        ((90, 100, 110), (40, 50, 60), "uncertain"),
        ((90, 100, 110), (110, 130, 140), "same"),
        ((99, 100, 101), (96, 97, 98), "same"),  # less than 5 %
        ((99, 100, 101), (102, 103, 104), "same"),
        ((99, 100, 101), (94, 94.5, 95), "faster"),
        ((99, 100, 101), (105, 105.5, 106), "slower"),
    ],
)
def test_a_change_is_beyond_quartiles_and_five_percent(make_row, before, after, verdict):
    found = change(make_row, before, after)
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(after[1] / before[1])


@pytest.mark.parametrize("missing", ["q1", "median", "q3"])
def test_a_row_that_was_not_measured_has_no_verdict(make_row, missing):
    found = change(make_row, (90, 100, 110), (60, 70, 80))
    setattr(found.after, missing, None)
    with pytest.raises(ValueError, match=r"rnn backward, hidden 20, .* was not measured"):
        _ = found.verdict


@pytest.fixture
def found(make_results, make_row):
    before = make_results(make_row(1e-3), make_row(1e-3, "fused"), make_row(1e-3, batch=4), make_row(None, batch=5))
    after = make_results(
        make_row(5e-3, batch=4),
        make_row(1e-3),
        make_row(5e-4, "fused"),
        make_row(1e-3, batch=5),
        make_row(1.0, batch=6),
    )
    return list(compare.changes(before, after))


SLOWER = [
    "rnn backward, hidden 20, batch 4, length 10, float32",
    "numpy on cpu",
    "1.00 ms",
    "5.00 ms",
    "5.00",
    "slower",
]
SAME = ["rnn backward, hidden 20, batch 1, length 10, float32", "numpy on cpu", "1.00 ms", "1.00 ms", "1.00", "same"]
FASTER = ["rnn backward, hidden 20, batch 1, length 10, float32", "fused on cpu", "1.00 ms", "500 us", "0.50", "faster"]


@pytest.mark.parametrize(("options", "expected"), [((), [SLOWER, FASTER]), ((True,), [SLOWER, SAME, FASTER])])
def test_the_table_has_a_line_for_each_change(found, options, expected):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    table = compare.table(found, *options)
    console.print(table)
    header, _, *lines = console.export_text().strip().splitlines()[1:-1]
    cells = [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in (header, *lines)]
    assert cells == [["case", "implementation", "before", "after", "after / before", "verdict"], *expected]
    assert [column.justify for column in table.columns] == ["left"] * 2 + ["right"] * 4


def test_machines_that_differ_are_told_with_what_differs(make_results):
    before, after = make_results(), make_results()
    before.machine |= {"versions": {"numpy": "1", "theano": "1.0.5"}, "cuda": "", "only": "here", "gpus": []}
    after.machine |= {"versions": {"numpy": "2", "theano": "1.0.5"}, "cuda": "12.4", "threads": 2, "gpus": ["a card"]}
    assert compare.differences(before, after) == [
        "threads: 1 before, 2 after",
        "gpus: nothing before, ['a card'] after",
        "versions: numpy 1 before, numpy 2 after",
        "cuda: nothing before, 12.4 after",
        "only: here before, nothing after",
    ]
    after.machine["versions"] = None
    assert compare.differences(before, after)[2] == "versions: numpy 1, theano 1.0.5 before, nothing after"
