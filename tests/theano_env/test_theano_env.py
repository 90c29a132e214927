"""``import theano``, tried in fresh Pythons: Theano's settings are fixed once it is imported."""

import os
import subprocess
import sys

import pytest
from environment import within, without_waits

from lxmls_rnn.theano_env import flags

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
needs_compiler = pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")


def clean_environ(**changes):
    """The environment without the user's own Theano settings, and with these."""
    ours = ("THEANO_FLAGS", "THEANORC", "LXMLS_DEVICE", "LXMLS_FLOATX", "PYTHONHASHSEED")
    environ = {key: value for key, value in os.environ.items() if key not in ours}
    return {**environ, "THEANORC": os.devnull, **changes}


def start(code, **environ):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=clean_environ(**environ),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(code, **environ):
    process = start(code, **environ)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output.strip(), "\n".join(without_waits(errors))


def no_tools(folder):
    """An empty folder for PATH: no compiler there."""
    (folder / "bin").mkdir()
    return str(folder / "bin")


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


def test_theano_flags_are_the_users_again_after_the_import():
    code = "import os, theano; print(theano.config.floatX, os.environ['THEANO_FLAGS'])"
    output, _ = run(code, THEANO_FLAGS="floatX=float32")
    assert output == "float32 floatX=float32"


def test_without_a_compiler_theano_works_in_python_and_says_so(tmp_path):
    code = """if True:
        import theano, theano.tensor as T
        x = T.dvector()
        f = theano.function([x], T.tanh(x).sum())
        print(f([0.0, 0.0]), any(hasattr(thunk, "cthunk") for thunk in f.fn.thunks))
    """
    output, errors = run(code, PATH=no_tools(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert output == "0.0 False"
    assert "no C++ compiler" in errors


@pytest.fixture
def rc_file(tmp_path):
    path = tmp_path / "theanorc"
    path.write_text("[global]\nfloatX = float32\ndevice = cuda1\n[blas]\nldflags = -lmine\n")
    return str(path)


def test_what_the_rc_file_sets_is_left_alone(rc_file):
    settings = within(clean_environ(THEANORC=rc_file), flags.settings)
    assert not {"floatX", "device", "blas.ldflags"} & settings.keys()
    assert settings["dnn.enabled"] == "False"


def test_our_own_variables_come_before_the_rc_file(rc_file):
    settings = within(clean_environ(THEANORC=rc_file, LXMLS_DEVICE="cpu", LXMLS_FLOATX="float64"), flags.settings)
    assert (settings["device"], settings["floatX"]) == ("cpu", "float64")
    assert "dnn.enabled" not in settings


@pytest.mark.parametrize(("device", "floatx"), [("cpu", "float64"), ("cuda0", "float32")])
def test_the_device_decides_the_precision(device, floatx):
    settings = within(clean_environ(LXMLS_DEVICE=device), flags.settings)
    assert (settings["device"], settings["floatX"]) == (device, floatx)


def test_two_devices_asked_for_at_once_are_refused():
    with pytest.raises(RuntimeError, match="LXMLS_DEVICE asks for cuda0 but THEANO_FLAGS for cpu"):
        within(clean_environ(LXMLS_DEVICE="cuda0", THEANO_FLAGS="device=cpu"), flags.settings)


def test_flags_are_read_as_theano_reads_them():
    read = within({"THEANO_FLAGS": "device=cpu, gcc.cxxflags='-O1,-g', lonely,device=cuda"}, flags.user_flags)
    assert read == {"device": "cuda", "gcc.cxxflags": "-O1,-g"}
