import subprocess
import sys

import pytest

from lab.exercises import solutions
from lab.exercises.rerun import unusual
from lxmls_rnn.submissions.tasks import READY, Answer, Cell, Job, Task


def answer(*sources, exercise="squares", name="my_squares", seconds=20.0):
    """Run cells, the last of which is the exercise's; return the answer."""
    cells = [Cell(n, source, n == len(sources), n == len(sources), True) for n, source in enumerate(sources, 1)]
    job = Job([Task(exercise, [name], cells)], None, seconds, 4096)
    done = subprocess.run(
        [sys.executable, "-m", "lab.exercises.rerun"], input=job.to_json(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    ready, found = map(Answer.from_json, done.stdout.encode().splitlines())
    assert ready.exercise == READY
    return found


SOLUTION = solutions.code("squares")
FORGED = """import os
for descriptor in range(3, 20):
    try:
        os.write(descriptor, b'["right", ""]\\n')
    except OSError:
        pass
"""


@pytest.mark.process
@pytest.mark.theano
@pytest.mark.parametrize(
    ("sources", "state", "text"),
    [
        ((SOLUTION,), "right", "by scan"),
        (("%matplotlib inline\nimport numpy as np\nraise ValueError", SOLUTION), "right", "by scan"),
        (("while True: pass", SOLUTION), "right", "by scan"),  # only definitions of other cells are run
        ((SOLUTION.replace("my_", "your_"),), "not yet", "my_squares is not defined."),
        (("def my_squares(:",), "not right", "SyntaxError"),
        (("import os\nos._exit(0)",), "not right", "without a verdict"),
        (("while 1:\n    try:\n        while 1: 0\n    except BaseException: 0",), "not right", "Stopped after"),
        (("import time\ntime.sleep(100)",), "not right", "Stopped after"),
        (('print(\'{"exercise": "squares", "state": "right", "text": ""}\', flush=True)',), "not yet", "not defined"),
        ((FORGED,), "not right", "without a verdict"),
    ],
)  # fmt: skip
def test_verdicts(sources, state, text):
    found = answer(*sources, seconds=4.0 if "Stopped" in text else 60.0)
    assert (found.exercise, found.state) == ("squares", state), found.text
    assert text in found.text


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (SOLUTION, []),
        ("import numpy as np\nfrom scipy.special import expit\n%timeit 1\nclass A:\n    def __init__(self): pass", []),
        ("import os.path, socket", ["os.path", "socket"]),
        ("from lab.exercises.solutions import code", ["lab.exercises.solutions"]),
        ("f.__globals__['x'] = eval('1')", ["__globals__", "eval"]),
        ("from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN", ["lxmls_rnn.deep_learning.numpy_rnn"]),
        ("def f(:", []),
    ],
)
def test_what_a_solution_has_no_use_for_is_named(source, names):
    assert sorted(set(unusual([source]))) == names
