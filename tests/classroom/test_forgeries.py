"""Code that tries to deceive: the student's process holds nothing that it could use, and decides nothing."""

from collections import defaultdict
from itertools import count

import pytest
from class_of_thirty import notebook
from classroom.marked import mark, needs_isolation

from lab.exercises.engine import expected
from lab.exercises.exercise import EXERCISES
from lxmls_rnn.classroom import harness

RIGHT = EXERCISES["errors"].solution
EMPTY = "def my_forward(x, W_e, W_x, W_h, W_y):\n    return 0 * W_e[:, x], None, None, None, None\n"
MODEL = "from lxmls_rnn.deep_learning.rnn import {0}\nclass MyRNN({0}):\n    {1}\n"
# a search of all objects in memory, and of the closures and globals of functions, for arrays of the shape of p
MEMORY = """import gc, sys, types
import numpy as np
def my_forward(x, W_e, W_x, W_h, W_y):
    shapes = (len(W_e), len(x)), (len(W_h), len(x)), (len(W_h), len(x) + 1), (len(W_y), len(x)), (len(W_y), len(x))
    found = []
    for shape in shapes:
        arrays = [o for o in gc.get_objects() if isinstance(o, np.ndarray) and o.shape == shape and o.any()]
        found.append(arrays[-1] if arrays else np.ones(shape))
    for function in [o for o in gc.get_objects() if isinstance(o, types.FunctionType)]:
        if function.__name__ in ("expected", "my_forward") and function is not my_forward:
            return function(x, W_e, W_x, W_h, W_y)
    return tuple(found)
"""
# every file of the machine that may hold a solution, run
FILES = """import os
for top, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(top, name) not in ("/proc", "/sys", "/dev")]
    for file in files:
        if file in ("01-forward.md", "answers.md"):
            text = open(os.path.join(top, file)).read()
            for part in text.split("```python\\n"):
                try:
                    exec(part.split("```")[0])
                except BaseException:
                    pass
"""
WRITING = """import json, os
said = {"results": [], "state": "right", "text": "", "skipped": []}
lines = [json.dumps(said), json.dumps({"state": "right", "text": "", "share": 1.0})]
report = {"kind": "answer", "notebook": "", "exercise": "forward", "code": ""}
lines += [json.dumps({**report, "text": line}) for line in lines]
for descriptor in range(1, 256):
    for line in lines:
        try:
            os.write(descriptor, line.encode() + b"\\n")
        except OSError:
            pass
"""
PIPES = """import os
for process in os.listdir("/proc"):
    for descriptor in range(256):
        try:
            file = os.open(f"/proc/{process}/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK)
            assert b"right" not in os.read(file, 1 << 20), "found"
        except (OSError, ValueError):
            pass
"""
FORGERIES = {
    "a class body in a cell that is not run": {"forward": EMPTY, "scratch": """class _:
    import sys
    for name in ("lab.exercises.engine", "lab.exercises.marking", "lxmls_rnn.classroom.harness"):
        __import__(name)
        module = sys.modules[name]
        for one in ("judge", "share_of", "first_difference", "same", "_close_to", "run"):
            setattr(module, one, lambda *a, **k: True)
"""},
    "patched NumPy": {"forward": """import numpy as np
for name in ("all", "any", "abs", "allclose", "array_equal", "max", "isclose"):
    setattr(np, name, lambda *a, **k: True)
""" + EMPTY},
    "patched harness": {"forward": """import sys
harness = sys.modules["lxmls_rnn.classroom.harness"]
student = sys.modules["lxmls_rnn.classroom.student"]
class Equal(str):
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
harness.to_json = lambda value: Equal('{"z": "right", "p": {"dtype": "float64", "shape": [], "data": 1.0}}')
student.to_json = lambda said: '{"results": [], "state": "right", "text": "", "skipped": []}'
""" + EMPTY},
    "saved dictionaries of modules": {"forward": """import sys
spaces = [module.__dict__ for module in list(sys.modules.values()) if hasattr(module, "__dict__")]
forward = next(one for space in spaces for one in (space.get("expected"), space.get("NumpyRNN")) if one)
def my_forward(x, *param):
    return forward("forward")[0].values()
"""},
    "solutions by import": {"forward": "from lab.exercises.exercise import EXERCISES\n"
                                       "exec(EXERCISES['forward'].solution)\n"},
    "solutions by exec of files": {"forward": FILES},
    "memory": {"forward": MEMORY},
    "pipes": {"forward": PIPES + EMPTY},
    "a verdict on every pipe": {"forward": WRITING + EMPTY},
    "a verdict and the end": {"forward": WRITING + "os._exit(0)"},
    "NumpyRNN": {"forward": """from lxmls_rnn.deep_learning.rnn import NumpyRNN
def my_forward(x, *param):
    model = NumpyRNN(param[0], len(param[2]), len(param[3]))
    model.set_values(dict(zip(("W_e", "W_x", "W_h", "W_y"), param)))
    p, y, h, z, _ = model.forward(x, True)
    return z, h[:, 1:], h, y, p
"""},
    "stored numbers": {"forward": "import json\nimport numpy as np\nstored = json.loads('''{stored}''')\n"
                                  "def my_forward(x, *param):\n"
                                  "    return [np.array(a) for a in stored[str(len(x))]]\n"},
    "the base class": {"rnn": MODEL.format("RNN", "pass")},
    "super": {"rnn": MODEL.format("RNN", "def _forward(self, _x, _h0=None): return super()._forward(_x, _h0)")},
    "a model of another framework": {"rnn": MODEL.format("JaxRNN", "pass")},
    "the Op of the fused layer": {"rnn": """from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.rnn import RNN
import theano.tensor as T
class MyRNN(RNN):
    def _forward(self, _x, _h0=None):
        return T.nnet.softmax(RNNLayer()(self.param.W_e.T[_x], *self.param[1:-1]))
"""},
    "patched Theano": {"rnn": """import theano
theano.function = lambda *a, **k: lambda *a: [0 * 1.0]
theano.grad = lambda *a, **k: []
from lxmls_rnn.deep_learning.rnn import RNN
class MyRNN(RNN):
    def _forward(self, _x, _h0=None):
        return theano.tensor.zeros((2, 3))
"""},
    "cross_entropy": {"theano_gradients": """import theano.tensor as T
from lxmls_rnn.deep_learning.theano_rnn import cross_entropy
def my_theano_gradients(_p, _y, param):
    return T.grad(cross_entropy(_p, _y), param)
"""},
}  # fmt: skip


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    """Return the marks of students whose next exercise is right, by forgery.

    Forgeries of different exercises share a student.
    """
    arrays = {str(len(case["z"].T)): [a.tolist() for a in (case[n] for n in "zahyp")] for case in expected("forward")}
    codes, students = defaultdict(dict), {}
    for name, forgery in FORGERIES.items():
        exercise = next(iter(forgery))
        students[name] = next(one for one in map("s{:02}".format, count()) if exercise not in codes[one])
        codes[students[name]] |= {
            of: code.replace("{stored}", harness.json.dumps(arrays)) for of, code in forgery.items()
        }
    notebooks = {}
    for name, its in codes.items():
        notebooks[name] = notebook(**its, errors=RIGHT)
        if "scratch" in its:
            notebooks[name]["cells"].insert(3, {"cell_type": "code", "metadata": {}, "source": its["scratch"]})
    found = mark(tmp_path_factory.mktemp("class"), notebooks)
    return {name: found[one] for name, one in students.items()}


@needs_isolation
@pytest.mark.process
@pytest.mark.theano
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_earns_nothing_and_the_next_exercise_counts(marks, forgery):
    one, name = marks[forgery], next(iter(FORGERIES[forgery]))
    assert one.answers[name].state != "right", one.answers[name]
    assert one.answers[name].share == 0, one.answers[name]
    assert one.answers["errors"].state == "right", one.answers["errors"]
    assert not one.problems
