"""How Theano's C modules are compiled, tried with real compilers and caches of their own."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import fresh_theano
import pytest

pytestmark = fresh_theano.needs_compiler
several_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core only")

# A function of two modules
PAIR = """
import theano, theano.tensor as T
x = T.matrix()
print(theano.function([x], [T.exp(x), T.tanh(x)])([[0.0]])[0])
"""
# scan, and what Theano itself compiles in each process: Ops without properties, as Softmax, and DimShuffle
SCAN = """
import json, numpy, theano, theano.tensor as T
x, H = T.matrix(), theano.shared(numpy.eye(2))
h, _ = theano.scan(lambda z, before: z + T.dot(before, H), sequences=x, outputs_info=H[0])
softmax = theano.function([x], T.nnet.softmax(h.T))
from theano.gof.cc import get_module_cache
_, loaded, compiled = get_module_cache().stats
print(json.dumps([loaded, compiled, softmax([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]).tolist()]))
"""


def files(cache, pattern):
    return sorted(Path(cache).glob(f"*/{pattern}"))


def wrapped_compiler(folder, line):
    """A compiler that is g++, but for what `line` does before."""
    path = folder / "wrapped"
    path.write_text(f'#!/bin/sh\n{line}\nexec g++ "$@"\n')
    path.chmod(0o755)
    return f"cxx={path}"


other_gcc = pytest.mark.nightly("the same as g++, of another version")


@pytest.mark.parametrize(
    "name", ["g++", *(pytest.param(f"g++-{version}", marks=other_gcc) for version in (11, 12, 13, 14))]
)
def test_every_gcc_uses_the_header_whatever_macros_the_blas_needs(tmp_path, name):
    compiler = shutil.which(name)
    if compiler is None:
        pytest.skip(f"there is no {name}")
    code = f"""
import subprocess, theano
from pathlib import Path
from theano.gof.cmodule import GCC_compiler
from theano_runtime.header import PROLOGUE, Module, header
flags = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-Dsgemm_=scipy_sgemm_", *GCC_compiler.compile_args()]
module = Module.of("m", PROLOGUE + "PyMODINIT_FUNC PyInit_m(void) {{ return NULL; }}", flags, None, ["/tmp"], None)
folder = Path({str(tmp_path)!r})
assert module.compile(folder, header())
command = [*module.command(folder, header()), "-H"]
print(subprocess.run(command, capture_output=True, text=True).stderr.splitlines()[0])
"""
    first = fresh_theano.run(code, tmp_path, THEANO_FLAGS=f"cxx={compiler}").splitlines()[-1]
    assert first.startswith("! ")
    assert first.endswith("lxmls.h.gch")


@pytest.mark.daily("compiles two modules without the header, two seconds")
def test_a_broken_header_breaks_nothing_and_nothing_stays_beside_the_cache(cache, tmp_path):
    (header,) = files(cache, "header-*/lxmls.h.gch")
    whole = header.read_bytes()
    header.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "scratch").mkdir()
    assert fresh_theano.run(PAIR, cache, TMPDIR=str(tmp_path / "scratch")) == "[[1.]]\n"
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.daily("compiles in two processes, four seconds")
def test_a_module_is_compiled_once_by_however_many_processes(cache, tmp_path):
    log = tmp_path / "log"
    flags = wrapped_compiler(tmp_path, f'echo "$@" | grep -o "m[0-9a-f]*[.]so" >>{log}')
    processes = [fresh_theano.start(PAIR, cache, THEANO_FLAGS=flags) for _ in range(2)]
    for process in processes:
        output, errors = process.communicate()
        assert output == "[[1.]]\n", errors
    times = Counter(log.read_text().split())
    assert len(times) == len(files(cache, "tmp*/*.so"))
    assert set(times.values()) == {1}


@pytest.mark.daily("compiles two modules, four seconds")
@several_cores
def test_the_modules_of_a_function_are_compiled_side_by_side(cache, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # The first two compilers wait for each other: one opens the pipe to read, the other one to write.
    meet = f'case "$*" in *-shared*tmp*) if mkdir {tmp_path}/first 2>/dev/null; then cat {fifo} >/dev/null;'
    meet += f" elif mkdir {tmp_path}/second 2>/dev/null; then echo >{fifo}; fi;; esac"
    assert fresh_theano.run(PAIR, cache, THEANO_FLAGS=wrapped_compiler(tmp_path, meet)) == "[[1.]]\n"


@pytest.mark.daily("compiles two modules one after the other, several seconds")
@several_cores
def test_there_are_no_more_compilers_at_once_than_cores_that_the_process_may_use(cache, tmp_path):
    busy, together = tmp_path / "busy", tmp_path / "together"
    alone = f'mkdir {busy} || mkdir -p {together}; g++ "$@"; status=$?; rmdir {busy}; exit $status'
    on_one_core = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})" + PAIR
    assert fresh_theano.run(on_one_core, cache, THEANO_FLAGS=wrapped_compiler(tmp_path, alone)) == "[[1.]]\n"
    assert not busy.exists()
    assert not together.exists()


def test_constants_that_are_only_moved_are_folded_without_a_compiler(cache):
    code = """
import theano, theano.tensor as T
f = theano.function([], T.zeros((2, 3))[1].dimshuffle("x", 0))
from theano.gof.cc import get_module_cache
print(f(), get_module_cache().stats[2])
"""
    assert fresh_theano.run(code, cache) == "[[0. 0. 0.]] 1\n"  # the one copies the result


@pytest.mark.daily("compiles a scan from an empty cache, ten seconds")
def test_a_second_process_compiles_nothing(tmp_path):
    first = fresh_theano.run(SCAN, tmp_path, PYTHONHASHSEED="1")
    second = fresh_theano.run(SCAN, tmp_path, PYTHONHASHSEED="2")
    loaded_1, compiled_1, result_1 = json.loads(first)
    loaded_2, compiled_2, result_2 = json.loads(second)
    assert loaded_1 == 0
    assert (loaded_2, compiled_2) == (compiled_1, 0)
    assert result_1 == result_2


@pytest.mark.parametrize("hide_symbols", [True, False])  # without, Theano's own way
def test_a_module_that_theano_compiles_in_another_way_is_loaded(tmp_path, hide_symbols):
    from theano.gof.cmodule import GCC_compiler

    folder = tmp_path / f"hides_{hide_symbols}"  # an import of another name
    folder.mkdir()
    (folder / "__init__.py").touch()
    source = """#include <Python.h>
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "one"};
PyMODINIT_FUNC PyInit_one() {
  PyObject *module = PyModule_Create(&definition);
  PyModule_AddIntConstant(module, "number", NUMBER);
  return module;
}
"""
    module = GCC_compiler.compile_str("one", source, str(folder), preargs=["-DNUMBER=7"], hide_symbols=hide_symbols)
    assert module.number == 7
