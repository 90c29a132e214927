"""Results of a version that measured OpenCL devices, which this one does not, are shown as they were."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import image
from rich.console import Console
from typer.testing import CliRunner

from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.benchmark.show import compare, plots, report
from lxmls_rnn.cli import app

FILE = Path(__file__).with_name("opencl.json")


@pytest.fixture
def results():
    return Results.load(FILE)


def test_the_table_has_its_rows(results):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report.table(results))
    lines = [line for line in console.export_text().splitlines() if "fused on opencl0:0" in line]
    assert ["725 us" in line or "553 us" in line for line in lines] == [True, True]
    assert report.not_measured(results) == []
    assert report.crossover(results) == []


def test_the_pictures_are_drawn(results, tmp_path):
    plots.draw(results, tmp_path / "a.png")
    done = CliRunner().invoke(app, ["bench", "roofline", str(FILE), "--out", str(tmp_path / "b.png")])
    assert done.exit_code == 0, done.output
    for file in ("a.png", "b.png"):
        assert image.imread(tmp_path / file).std() > 0


def test_they_are_compared(results):
    later = replace(
        results, rows=[replace(row, median=row.median / 9, q1=row.q1 / 9, q3=row.q3 / 9) for row in results.rows]
    )
    found = [line for line in compare.lines(list(compare.changes(results, later)), True) if "opencl0:0" in line[1]]
    assert [line[:2] for line in found] == [
        [f"rnn backward, hidden {n_hidd}, batch 1, length 10, float32", "fused on opencl0:0"] for n_hidd in (20, 32)
    ]
