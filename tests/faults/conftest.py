"""How long the attack goes on: `pytest tests/faults --faults-seconds 600`.

By default a fifth of a second for each reader and a second for the rest. Or how many inputs all readers
together are given: `pytest tests/faults/test_readers.py --faults-count 1000000 --faults-seed 7`.
"""

import pytest


def pytest_addoption(parser):
    parser.addoption("--faults-seconds", type=float, help="for each part of tests/faults")
    parser.addoption("--faults-count", type=int, help="inputs of all readers together, instead of the seconds")
    parser.addoption("--faults-seed", type=int, default=0, help="of the inputs of readers")


@pytest.fixture
def seconds(request):
    given = request.config.getoption("--faults-seconds", None)
    return given if given is not None else 1.0 if request.node.get_closest_marker("daily") else 0.2
