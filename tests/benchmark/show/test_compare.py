"""Two files compared: the verdicts on rows whose quartiles are known, the table, the machines."""

from statistics import median

import numpy as np
import pytest
from rich.console import Console

from lxmls_rnn.benchmark.show import compare


def change(make_row, before, after):
    """A change of rows whose processes have these medians, in ms."""
    rows = make_row(1.0), make_row(1.0)
    for row, times in zip(rows, (before, after), strict=True):
        row.medians = [1e-3 * time for time in times]
        row.median = median(row.medians)
        row.q1 = row.q3 = row.median
    return compare.BeforeAndAfter(*rows)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((99, 100, 101), (89, 90, 91), "faster"),
        ((99, 100, 101), (109, 110, 111), "slower"),
        ((99, 100, 101), (94.5, 95, 95.5), "faster"),
        ((99.9, 100, 100.1), (104.4, 104.5, 104.6), "same"),  # less than 5 %, whatever the processes say
        ((99, 100, 101), (99.5, 100.5, 101.5), "same"),
        ((99, 100, 101), (103, 104, 105), "cannot tell"),  # more than 5 % is possible
        ((90, 100, 110), (69, 75, 81), "cannot tell"),  # processes as far apart differ so much by chance
        ((90, 100, 110), (50, 55, 60), "faster"),
        ((90, 100, 110), (71, 79, 87, 79, 79), "faster"),  # five processes tell more
        ((100, 100, 100), (100, 100, 100), "same"),
    ],
)
def test_a_change_is_beyond_what_processes_differ_by_and_five_percent(make_row, before, after, verdict):
    found = change(make_row, before, after)
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(median(after) / median(before))


def test_of_equal_pairs_one_percent_are_called_different(make_row):
    """With three processes 6 % apart; by their quartiles it would be 9 %."""
    times = np.random.default_rng(1).lognormal(0, 0.06, (2000, 2, 3))
    verdicts = [change(make_row, *pair).verdict for pair in times]
    assert set(verdicts) == {"faster", "slower", "same", "cannot tell"}
    assert verdicts.count("faster") + verdicts.count("slower") < 0.015 * len(verdicts)


def test_an_uncertain_row_tells_nothing(make_row):
    for side in ("before", "after"):
        found = change(make_row, (99, 100, 101), (49, 50, 51))
        assert found.verdict == "faster"
        getattr(found, side).waited = 0.1
        assert found.verdict == "cannot tell"


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
