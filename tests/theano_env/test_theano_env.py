"""``import theano``, tried in fresh Pythons: Theano's settings are fixed once it is imported."""

import os
import subprocess
import sys

import pytest
from environment import without_waits

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def run(code, **environ):
    """Run code in a fresh Python without the user's own settings of Theano; return what it prints, and its errors."""
    ours = ("THEANO_FLAGS", "THEANORC", "LXMLS_DEVICE", "LXMLS_FLOATX", "PYTHONHASHSEED")
    inherited = {key: value for key, value in os.environ.items() if key not in ours}
    environ = {**inherited, "THEANORC": os.devnull, **environ}
    done = subprocess.run([sys.executable, "-c", code], env=environ, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), "\n".join(without_waits(done.stderr))


def test_the_package_itself_does_not_import_theano():
    output, _ = run("import lxmls_rnn.theano_env, sys; print('theano' in sys.modules, 'numpy' in sys.modules)")
    assert output == "False False"


def test_a_gpu_that_is_not_there_stops_the_import_and_the_cpu_can_still_be_had():
    code = """if True:
        import os
        try:
            import theano
        except RuntimeError as error:
            print(error)
        os.environ["LXMLS_DEVICE"] = "cpu"
        import theano
        print(theano.config.device, theano.config.floatX)
    """
    output, _ = run(code, LXMLS_DEVICE="cuda99")
    refusal, then = output.splitlines()
    assert "cuda99 but uses cpu" in refusal
    assert "_DEVICE=cpu to work without it" in refusal  # LAB_DEVICE in the image
    assert then == "cpu float64"


def test_without_a_compiler_theano_works_in_python_and_says_so(tmp_path):
    code = """if True:
        import theano, theano.tensor as T
        x = T.dvector()
        f = theano.function([x], T.tanh(x).sum())
        print(f([0.0, 0.0]), any(hasattr(thunk, "cthunk") for thunk in f.fn.thunks))
    """
    output, errors = run(code, PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert output == "0.0 False"
    assert "no C++ compiler" in errors


TWO_THREADS = """
import importlib, sys, threading
asked = threading.Event()
locks = importlib._bootstrap._ModuleLock
acquire = locks.acquire
def noted(lock):
    if lock.name == "theano" and threading.current_thread() is not threading.main_thread():
        asked.set()
    return acquire(lock)
def amid_the_import(event, arguments):
    if event == "import" and arguments[0] == "theano.configparser" and not second.ident:
        second.start()
        asked.wait()
from lxmls_rnn import theano_env
locks.acquire = noted
sys.addaudithook(amid_the_import)
second = threading.Thread(target=lambda: importlib.import_module("lxmls_rnn.deep_learning.ops"))
import theano
second.join()
print("lxmls_rnn.deep_learning.ops" in sys.modules)
"""


def test_a_thread_may_import_the_library_while_another_imports_theano():
    assert run(TWO_THREADS) == ("True", "")
