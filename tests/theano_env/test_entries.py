"""Damaged files of the compile cache, tried on real ones in fresh Pythons."""

import os
import shutil
from pathlib import Path

import fresh_python
import pytest

from lxmls_rnn.theano_env import entries, flags

pytestmark = [pytest.mark.process, pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")]

FUNCTION = """
import theano, theano.tensor as T
x = T.matrix()
f = theano.function([x], T.exp(x).sum() + T.dot(x, x).sum())
from theano.gof.cc import get_module_cache
print(f([[0.0, 0.0], [0.0, 0.0]]), get_module_cache().stats[2])
"""


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def fill_with_zeros(path):
    size = path.stat().st_size
    os.truncate(path, min(4096, size // 2))
    os.truncate(path, size)


def empty(path):
    path.write_bytes(b"")


def fill_with_garbage(path):
    path.write_bytes(bytes(range(256)) * 20)


def replace_by_what_cannot_be_loaded(path):
    """Let the checksum be right and the module wrong, as one is that was linked with other libraries."""
    path.unlink()
    path.write_bytes(b"\x7fELF, but not really")
    entries.seal(path)


DAMAGES = cut, fill_with_zeros, empty, fill_with_garbage, replace_by_what_cannot_be_loaded


def modules(cache):
    return sorted(cache.glob("lxmls-rnn/theano/*/tmp*/*.so"))


def all_modules(cache):
    """Those of functions, and two that Theano itself consists of."""
    found = sorted(cache.glob("lxmls-rnn/theano/*/*/*.so"))
    assert {"cutils_ext.so", "lazylinker_ext.so"} < {path.name for path in found}
    return found


def damage_one(path, damage):
    # a file of its own, as what a crash leaves is: a process that has mapped the old one is not disturbed
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    os.replace(copy, path)
    damage(path)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A compile cache with all that FUNCTION needs."""
    folder = tmp_path_factory.mktemp("warm")
    fresh_python.run(FUNCTION, folder)
    return folder


@pytest.fixture
def cache(warm, tmp_path):
    return shutil.copytree(warm, tmp_path / "cache")


@pytest.mark.slow("compiles a cache of its own, eight seconds")
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_modules_are_compiled_again_once(cache, damage):
    count = len(modules(cache))
    for path in all_modules(cache):
        damage_one(path, damage)
    assert fresh_python.run(FUNCTION, cache) == f"4.0 {count}\n"
    assert len(modules(cache)) == count
    assert all(map(entries.is_intact, all_modules(cache)))
    assert fresh_python.run(FUNCTION, cache) == "4.0 0\n"


@pytest.mark.slow("compiles a cache of its own, eight seconds")
@pytest.mark.parametrize("damage", [cut, fill_with_zeros, empty, fill_with_garbage])
def test_a_damaged_key_is_deleted_with_its_entry(cache, damage):
    found = sorted(cache.glob("lxmls-rnn/theano/*/tmp*/key.pkl"))
    for path in found:
        damage(path)
    assert fresh_python.run(FUNCTION, cache) == f"4.0 {len(found)}\n"
    assert not any(path.exists() for path in found)
    assert fresh_python.run(FUNCTION, cache) == "4.0 0\n"


@pytest.mark.slow("compiles a cache of its own, eight seconds")
def test_a_module_without_its_package_is_compiled_again(cache):
    for path in modules(cache):
        path.with_name("__init__.py").write_text(")(")
        shutil.rmtree(path.with_name("__pycache__"), ignore_errors=True)
    assert fresh_python.run(FUNCTION, cache) == f"4.0 {len(modules(cache))}\n"


@pytest.mark.slow("compiles a cache of its own, eight seconds")
def test_processes_that_find_the_same_damage_share_what_is_compiled_again(cache):
    count = len(modules(cache))
    for path in all_modules(cache):
        damage_one(path, cut)
    processes = [fresh_python.start(FUNCTION, cache) for _ in range(3)]
    printed = []
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        printed.append(output)
    assert all(line.startswith("4.0 ") for line in printed)
    assert len(modules(cache)) == count


@pytest.mark.slow("compiles a cache of its own, eight seconds")
def test_another_process_keeps_what_it_has_loaded_before_the_damage(cache):
    other = fresh_python.start(f"{FUNCTION}\nprint('ready', flush=True); input(); print(f([[0.0]]))", cache)
    assert other.stdout.readline() == "4.0 0\n"
    assert other.stdout.readline() == "ready\n"
    for path in modules(cache):
        damage_one(path, cut)
    assert fresh_python.run(FUNCTION, cache).startswith("4.0 ")
    output, errors = other.communicate("\n")
    assert output == "1.0\n", errors


def test_what_was_compiled_just_now_and_cannot_be_loaded_is_one_sentence(tmp_path):
    wrapped = tmp_path / "g++"
    write = 'for word; do test "$before" = -o && echo no module >"$word"; before=$word; done; exit'
    wrapped.write_text(f'#!/bin/sh\ncase "$*" in *mod.cpp*) {write};; esac\nexec g++ "$@"\n')
    wrapped.chmod(0o755)
    process = fresh_python.start(FUNCTION, tmp_path, THEANO_FLAGS=f"cxx={wrapped}")
    errors = process.communicate()[1].splitlines()
    assert "was compiled just now and cannot be loaded" in errors[-1]
    assert errors[-1].startswith("lxmls_rnn.theano_env.failures.CompileError: ")


def test_every_change_of_a_sealed_file_is_noticed(tmp_path):
    path = tmp_path / "module.so"
    path.write_bytes(b"content")
    entries.seal(path)
    whole = path.read_bytes()
    assert entries.is_intact(path)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert not entries.is_intact(path), length
        path.write_bytes(whole[:length] + bytes([whole[length] ^ 4]) + whole[length + 1 :])
        assert not entries.is_intact(path), length
    path.write_bytes(whole + b"\0")
    assert not entries.is_intact(path)
    path.write_bytes(whole)
    assert entries.is_intact(path)
    assert not entries.is_intact(path.rename(tmp_path / "other.so"))


def test_a_file_longer_than_a_block_is_sealed(tmp_path):
    path = Path(tmp_path / "header.gch")
    path.write_bytes(os.urandom(2 * entries.BLOCK + 7))
    entries.seal(path)
    assert entries.is_intact(path)
    os.truncate(path, path.stat().st_size - entries.BLOCK)
    assert not entries.is_intact(path)


def test_no_file_is_not_intact(tmp_path):
    assert not entries.is_intact(tmp_path / "none")
