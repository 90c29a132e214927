"""The commands with which C modules are compiled, and the header that they share."""

import fresh_theano
import pytest
from theano_runtime import entries, programs
from theano_runtime import header as headers
from theano_runtime.failures import CompileError
from theano_runtime.header import Module

pytestmark = fresh_theano.needs_compiler
INIT = 'extern "C" void *PyInit_m(void) { return 0; }'
NOT_C = "this is no C"


@pytest.fixture
def config(monkeypatch):
    """Theano's configuration, with no compiler asked before."""
    import theano

    programs._answer.cache_clear()
    yield theano.config
    programs._answer.cache_clear()


def module(source=INIT, **lists):
    given = {"flags": None, "include_dirs": None, "lib_dirs": None, "libraries": None, **lists}
    return Module.of("m", source, **given)


def test_a_module_is_there_only_if_the_compiler_has_made_it(config, tmp_path):
    one = module()
    assert one.compile(tmp_path, None)
    assert (tmp_path / "mod.cpp").read_text() == INIT + "\n"
    assert one.part(tmp_path).stat().st_size > 0
    assert not module(NOT_C).compile(tmp_path, None)
    assert not one.part(tmp_path).exists()  # that of before
    commands = []

    def nothing(command):
        commands.append(command)
        return programs.Done(0, b"", b"")

    assert not one.compile(tmp_path, None, nothing)
    assert commands == [one.command(tmp_path, None)]

    def fails(command):
        one.part(tmp_path).touch()
        return programs.Done(1, b"", b"")

    assert not one.compile(tmp_path, None, fails)


def test_what_fails_plainly_too_is_one_sentence(config, tmp_path, monkeypatch):
    module().compile_plainly(tmp_path)
    assert module().part(tmp_path).exists()
    with pytest.raises(CompileError, match=r"failed: mod\.cpp:1:1: error: "):
        module(NOT_C).compile_plainly(tmp_path)
    monkeypatch.setattr(config, "cxx", str(tmp_path / "none"))
    with pytest.raises(CompileError, match="none: No such file"):
        module().compile_plainly(tmp_path)


def compiler(folder, name, answer):
    path = folder / name
    path.write_text(f'#!/bin/sh\ncase "$1" in {answer} esac\n')
    path.chmod(0o755)
    return str(path)


def test_gold_is_taken_only_of_a_gcc_that_has_it(config, tmp_path):
    (tmp_path / "cc1plus").write_text("12345")
    gold = tmp_path / "ld.gold"
    gcc = f"-print-prog-name=cc1plus) echo {tmp_path}/cc1plus;; --version) echo my gcc 12;;"
    cxx = compiler(tmp_path, "with", f"{gcc} -print-prog-name=ld.gold) echo {gold};;")
    assert headers._gcc(cxx) == f"my gcc 12 {tmp_path}/cc1plus 5"
    assert headers._linker(cxx) == []
    gold.touch(mode=0o755)
    assert headers._linker(cxx) == ["-fuse-ld=gold"]
    (tmp_path / "cc1plus").write_text("123456")
    assert headers._gcc(cxx) == f"my gcc 12 {tmp_path}/cc1plus 6"
    other = compiler(tmp_path, "other", f"-print-prog-name=cc1plus) echo cc1plus;; *) echo {gold};;")
    assert headers._gcc(other) == ""
    assert headers._linker(other) == []


@pytest.fixture
def made(config, tmp_path, monkeypatch):
    """The files with which a compiler, which copies headers, was started; the cache is empty."""
    (tmp_path / "cc1plus").touch()
    log = tmp_path / "log"
    log.touch()
    path = tmp_path / "copies"
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *c++-header*) ;; *cc1plus) echo {tmp_path}/cc1plus; exit;; *) exit;; esac\n'
        f'echo "$@" >>{log}\ntest -e {tmp_path}/fails && exit 1\n'
        'for word; do test "$before" = -o && cp "$source" "$word"; source=$before; before=$word; done\n'
    )
    path.chmod(0o755)
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(config, "cxx", str(path))
    monkeypatch.setattr(type(config).__dict__["compiledir"], "allow_override", True)
    monkeypatch.setattr(config, "compiledir", str(tmp_path / "cache"))
    monkeypatch.setattr(headers, "_rejected", set())
    return lambda: log.read_text().splitlines()


def test_the_header_is_precompiled_once_for_the_same_flags(made, config, monkeypatch):
    path = headers.header()
    assert path.name == "lxmls.h"
    assert path.read_text().startswith('#include <Python.h>\n#include <iostream>\n#include "theano_mod_helper.h"\n')
    precompiled = path.with_name("lxmls.h.gch")
    assert sorted(file.name for file in path.parent.iterdir()) == ["lxmls.h", "lxmls.h.gch"]
    (command,) = made()
    assert "-O3 -fno-math-errno" in command
    assert f"-x c++-header {path} -o" in command
    assert headers.header() == path
    assert len(made()) == 1
    precompiled.unlink()  # by a user who empties the cache
    assert headers.header() == path
    assert len(made()) == 2
    monkeypatch.setattr(config.gcc, "cxxflags", f"{config.gcc.cxxflags} -DMINE")
    assert headers.header().parent != path.parent


def test_a_header_that_cannot_be_made_is_tried_once(made, tmp_path):
    (tmp_path / "fails").touch()
    assert headers.header() is None
    (tmp_path / "fails").unlink()
    assert headers.header() is None
    assert len(made()) == 1


def test_a_full_disk_leaves_no_header(made, tmp_path, monkeypatch):
    def full(path, name):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(entries, "publish", full)
    assert headers.header() is None
    assert [file.name for file in tmp_path.glob("cache/header-*/*")] == ["lxmls.h"]


def test_a_header_that_has_broken_a_compile_is_discarded(made):
    path = headers.header()
    headers.discard(path)
    assert not path.with_name("lxmls.h.gch").exists()
    assert headers.header() is None
    headers._rejected.clear()  # the next process
    assert headers.header() == path
    assert len(made()) == 2
    headers.discard(path.with_name("none.h"))
