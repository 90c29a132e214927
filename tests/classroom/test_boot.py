import json
import subprocess
import sys
from pathlib import Path

import pytest

from lxmls_rnn.classroom import boot
from lxmls_rnn.classroom.marks import sources

# what the process of a student's code finds of the library and the lab
MAIN = """
import sys, types
def main():
    from lab import Answer, check
    from lab.exercises.engine import expected
    from lxmls_rnn.deep_learning.rnn import LSTM, NumpyRNN, RNN
    from lxmls_rnn.teaching.gradient_check import relative_difference
    assert not check.passed("forward") and not check.forward(main) and not list(expected("forward"))
    assert check.installed("numpy") and not check.installed("no_such_framework")
    with check.forward(1) as nothing:
        f"{relative_difference(1, 2)[:]:.1e}" if nothing else None
    class Mine(NumpyRNN): pass
    assert [*Mine.__mro__] == [Mine, object]
    for cls, names in ((RNN, ["W_e", "W_x", "W_h", "W_y"]), (LSTM, ["W_e", "W_x", "W_h", "W_c", "W_y"])):
        assert [W.name for W in cls(9, 4, 5, 3, seed=1).param] == names
        assert not {"forward", "_forward", "grads", "_scores", "_recurrent"}.intersection(dir(cls))
    own = [module for name, module in sys.modules.items() if name.startswith(("lxmls_rnn", "lab"))]
    files = [module.__file__ for module in own if getattr(module, "__file__", None)]
    assert not files, files
    print("fine")
"""


@pytest.mark.process
@pytest.mark.theano
def test_the_library_is_imported_from_memory_and_has_no_pass_of_a_model():
    program = Path(boot.__file__).read_text(encoding="utf-8")
    modules = {**sources(), "lxmls_rnn.classroom.student": MAIN}
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, input=f"{json.dumps(modules)}\n", capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr


def test_modules_of_others_are_left_to_them():
    finder = boot.Sources({"lxmls_rnn": "", "lxmls_rnn.classroom.stand_in": "x = 1"})
    assert finder.find_spec("numpy") is None
    assert finder.find_spec("lxmls_rnn.tagger").submodule_search_locations == []
    assert finder.get_source("lab.panels") == "x = 1"
