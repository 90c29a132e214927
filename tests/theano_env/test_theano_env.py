"""``import theano``, tried in fresh Pythons: Theano's settings are fixed once it is imported."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lxmls_rnn import theano_env
from lxmls_rnn.theano_env import flags

pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("error::RuntimeWarning")]
needs_compiler = pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")

SCAN_GRADIENT = """
import json, numpy, theano, theano.tensor as T
x, H = T.matrix(), theano.shared(numpy.eye(2))
h, _ = theano.scan(lambda z, before: T.tanh(z + T.dot(before, H)), sequences=x, outputs_info=H[0], n_steps=3)
gradient = theano.function([x], T.grad(T.nnet.softmax(T.dot(h, H.T))[:, 0].sum(), H))
from theano.gof.cc import get_module_cache
_, loaded, compiled = get_module_cache().stats
print(json.dumps([loaded, compiled, gradient([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]).tolist()]))
"""


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
    # it may wait for what another process of the tests compiles
    errors = "\n".join(line for line in errors.splitlines() if not line.startswith("Theano has waited "))
    return output.strip(), errors.strip()


def no_tools(folder):
    """An empty folder for PATH: no compiler there."""
    (folder / "bin").mkdir()
    return str(folder / "bin")


def test_the_package_itself_does_not_import_theano():
    output, _ = run("import lxmls_rnn.theano_env, sys; print('theano' in sys.modules, 'numpy' in sys.modules)")
    assert output == "False False"


@needs_compiler
@pytest.mark.slow("compiles a scan from an empty cache, ten seconds")
def test_a_second_process_compiles_nothing(tmp_path):
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    first, _ = run(SCAN_GRADIENT, PYTHONHASHSEED="1", **cache)
    second, _ = run(SCAN_GRADIENT, PYTHONHASHSEED="2", **cache)
    loaded_1, compiled_1, gradient_1 = json.loads(first)
    loaded_2, compiled_2, gradient_2 = json.loads(second)
    assert loaded_1 == 0
    assert (loaded_2, compiled_2) == (compiled_1, 0)
    assert gradient_1 == gradient_2


@needs_compiler
def test_the_report_says_what_is_used():
    output, errors = run(
        "from dataclasses import asdict; from lxmls_rnn import theano_env as t; print(asdict(t.report()))"
    )
    assert "'device_used': 'cpu'" in output
    assert "'c_code': True" in output
    assert "'floatX': 'float64'" in output
    assert errors == ""


def test_the_cache_is_free_again_when_its_holder_is_killed(tmp_path):
    code = "import theano; from theano.gof.compilelock import get_lock; get_lock()\n"
    code += "print(theano.config.compiledir, flush=True); input()"
    # a cache of its own: another process of the tests may wait for the common one
    holder = start(code, XDG_CACHE_HOME=str(tmp_path), THEANO_FLAGS="cxx=")
    compiledir = holder.stdout.readline().strip()
    with open(Path(compiledir, "lock_dir.flock")) as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


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


no_zig = pytest.mark.skipif(flags.ZIG.exists(), reason="there is zig, a compiler that no PATH hides")


@no_zig
def test_without_a_compiler_theano_works_in_python_and_says_so(tmp_path):
    code = """if True:
        import lxmls_rnn.theano_env, theano, theano.tensor as T
        x = T.dvector()
        print(theano.function([x], T.tanh(x).sum())([0.0, 0.0]), lxmls_rnn.theano_env.report().c_code)
    """
    output, errors = run(code, PATH=no_tools(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert output == "0.0 False"
    assert "no C++ compiler" in errors


@no_zig
def test_without_a_compiler_no_blas_is_linked(tmp_path):
    with pytest.warns(RuntimeWarning, match="no C\\+\\+ compiler"):
        settings = theano_env.settings(clean_environ(PATH=no_tools(tmp_path)))
    assert (settings["cxx"], settings["blas.ldflags"]) == ("", "")


@pytest.fixture
def zig(monkeypatch, tmp_path):
    """A compiler where `make setup CXX=zig` puts one: it is g++."""
    path = tmp_path / "zig" / "g++"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]} exec {flags.compiler()} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr(flags, "ZIG", path)
    return path


@needs_compiler
def test_zig_where_it_was_asked_for_goes_before_gxx_and_what_theano_flags_say_before_zig(zig):
    assert theano_env.settings(clean_environ())["cxx"] == str(zig)
    assert "cxx" not in theano_env.settings(clean_environ(THEANO_FLAGS="cxx=g++"))


@needs_compiler
@pytest.mark.slow("makes a header and compiles for another compiler, two seconds")
def test_with_zig_and_no_gxx_graphs_run_as_c_code(zig, tmp_path):
    code = f"""if True:
        import os, pathlib, lxmls_rnn.theano_env
        lxmls_rnn.theano_env.flags.ZIG = pathlib.Path({str(zig)!r})
        import theano, theano.tensor as T
        x = T.dvector()
        print(theano.function([x], T.tanh(x).sum())([0.0, 0.0]), lxmls_rnn.theano_env.report().c_code)
        print(os.environ["PATH"])
    """
    path = no_tools(tmp_path)
    output, errors = run(code, PATH=path, XDG_CACHE_HOME=str(tmp_path))
    assert (output, errors) == (f"0.0 True\n{path}", "")


def test_a_cache_folder_that_cannot_be_made_is_replaced_with_a_warning(tmp_path):
    (tmp_path / "file").touch()
    code = "import lxmls_rnn.theano_env; print(lxmls_rnn.theano_env.settings()['base_compiledir'])"
    output, errors = run(code, XDG_CACHE_HOME=str(tmp_path / "file"), TMPDIR=str(tmp_path), LXMLS_IMAGE="")
    assert Path(output).parent == tmp_path
    assert "cannot be written" in errors


def test_what_theano_flags_set_is_left_alone():
    settings = theano_env.settings(clean_environ(THEANO_FLAGS="floatX=float32,blas.ldflags=,compiledir='/a,b'"))
    assert not {"floatX", "blas.ldflags", "base_compiledir"} & settings.keys()


@pytest.fixture
def rc_file(tmp_path):
    path = tmp_path / "theanorc"
    path.write_text("[global]\nfloatX = float32\ndevice = cuda1\n[blas]\nldflags = -lmine\n")
    return str(path)


def test_what_the_rc_file_sets_is_left_alone(rc_file):
    settings = theano_env.settings(clean_environ(THEANORC=rc_file))
    assert not {"floatX", "device", "blas.ldflags"} & settings.keys()
    assert settings["dnn.enabled"] == "False"


def test_our_own_variables_come_before_the_rc_file(rc_file):
    settings = theano_env.settings(clean_environ(THEANORC=rc_file, LXMLS_DEVICE="cpu", LXMLS_FLOATX="float64"))
    assert (settings["device"], settings["floatX"]) == ("cpu", "float64")
    assert "dnn.enabled" not in settings


@pytest.mark.parametrize(("device", "floatx"), [("cpu", "float64"), ("cuda0", "float32"), ("opencl0:0", "float32")])
def test_the_device_decides_the_precision(device, floatx):
    settings = theano_env.settings(clean_environ(LXMLS_DEVICE=device))
    assert (settings["device"], settings["floatX"]) == (device, floatx)


def test_two_devices_asked_for_at_once_are_refused():
    with pytest.raises(RuntimeError, match="LXMLS_DEVICE asks for cuda0 but THEANO_FLAGS for cpu"):
        theano_env.settings(clean_environ(LXMLS_DEVICE="cuda0", THEANO_FLAGS="device=cpu"))


def test_flags_are_read_as_theano_reads_them():
    read = flags.user_flags({"THEANO_FLAGS": "device=cpu, gcc.cxxflags='-O1,-g', lonely,device=cuda"})
    assert read == {"device": "cuda", "gcc.cxxflags": "-O1,-g"}


def test_the_logistic_function_is_exact_where_it_saturates():
    import numpy as np
    import theano
    import theano.tensor as T

    x = T.dvector("x")
    values = np.array([-750.0, -40.0, 18.0, 19.5, 30.0, 36.0, 50.0])
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-values))
    assert np.allclose(theano.function([x], T.nnet.sigmoid(x))(values), expected, rtol=1e-15, atol=0)


def test_threads_compile_in_turns():
    program = """
import threading, theano, theano.tensor as T
x, failed = T.vector(), []
def build(n):
    try:
        h, _ = theano.scan(lambda a, b: T.tanh(a + b), sequences=x, outputs_info=T.zeros(()))
        assert abs(theano.function([x], h.sum() * n)([0.0] * 3)) == 0
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=build, args=(n,)) for n in range(1, 5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=clean_environ())
    assert done.stdout == "[]\n", done.stderr
