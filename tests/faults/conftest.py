"""How long the attack goes on: `pytest tests/faults --faults-seconds 600`; by default a second or two for each part."""

import json

import pytest

told = []


def pytest_addoption(parser):
    parser.addoption("--faults-seconds", type=float, default=1.0, help="for each part of tests/faults")


@pytest.fixture
def seconds(request):
    return request.config.getoption("--faults-seconds", 1.0)


@pytest.fixture
def tell(record_property):
    """Keep a figure for the summary."""

    def keep(what, **figures):
        record_property("faults", json.dumps({"what": what, **figures}))

    return keep


def pytest_runtest_logreport(report):
    if report.when == "call":
        told.extend(json.loads(value) for name, value in report.user_properties if name == "faults")


def pytest_terminal_summary(terminalreporter):
    for figures in told:
        terminalreporter.write_line("  ".join(f"{value}" for value in figures.values()))
