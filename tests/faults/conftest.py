"""Duration of the attack: `pytest tests/faults --faults-trials 1000 -o faulthandler_timeout=0`."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--faults-trials", type=int, help="inputs of each reader, strikes at each kind of work")
    parser.addoption("--faults-seed", type=int, default=0, help="of the inputs of readers")


@pytest.fixture
def trials(request):
    given = request.config.getoption("--faults-trials", None)
    return given if given is not None else 60 if request.node.get_closest_marker("daily") else 100
