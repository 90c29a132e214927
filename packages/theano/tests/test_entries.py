"""Damaged files of the compile cache, tried on real ones in fresh Pythons."""

import dataclasses
import errno
import itertools
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import fresh_theano
import pytest
from theano_runtime import entries
from theano_runtime.failures import CompileError

pytestmark = fresh_theano.needs_compiler

FUNCTION = """
import theano, theano.tensor as T
x = T.matrix()
f = theano.function([x], T.exp(x).sum() + T.dot(x, x).sum())
from theano.gof.cc import get_module_cache
print(f([[0.0, 0.0], [0.0, 0.0]]), get_module_cache().stats[2])
"""


def empty(path):
    path.write_bytes(b"")


def fill_with_zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


def replace_by_what_is_no_module(path):
    path.write_bytes(b"\x7fELF, but not really")


DAMAGES = [empty, fill_with_zeros, replace_by_what_is_no_module]


def modules(cache):
    return sorted(cache.glob("*/tmp*/*.so"))


def all_modules(cache):
    """Those of functions, and two that Theano itself consists of."""
    found = sorted(cache.glob("*/*/*.so"))
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
    fresh_theano.run(FUNCTION, folder)
    return folder


@pytest.fixture
def cache(warm, tmp_path):
    return shutil.copytree(warm, tmp_path / "cache")


@pytest.mark.daily("compiles a cache of its own, eight seconds")
def test_damaged_modules_and_keys_are_compiled_again_once(cache):
    count = len(modules(cache))
    for path, damage in zip(all_modules(cache), itertools.cycle(DAMAGES)):
        damage_one(path, damage)
    fill_with_zeros(next(cache.glob("*/tmp*/key.pkl")))
    assert fresh_theano.run(FUNCTION, cache) == f"4.0 {count}\n"
    assert len(modules(cache)) == count
    assert fresh_theano.run(FUNCTION, cache) == "4.0 0\n"


def test_what_was_compiled_just_now_and_cannot_be_loaded_is_one_sentence(tmp_path):
    wrapped = tmp_path / "g++"
    write = 'for word; do test "$before" = -o && echo no module >"$word"; before=$word; done; exit'
    wrapped.write_text(f'#!/bin/sh\ncase "$*" in *mod.cpp*) {write};; esac\nexec g++ "$@"\n')
    wrapped.chmod(0o755)
    process = fresh_theano.start(FUNCTION, tmp_path, THEANO_FLAGS=f"cxx={wrapped}")
    errors = process.communicate()[1].splitlines()
    assert "was compiled just now and cannot be loaded" in errors[-1]
    assert errors[-1].startswith("theano_runtime.failures.CompileError: ")


@dataclasses.dataclass
class KeyData:
    """What Theano keeps of a module."""

    key_pkl: str
    keys: tuple = (1, 2)

    def get_entry(self):
        return str(Path(self.key_pkl).with_name("module.so"))


@pytest.fixture
def key(tmp_path):
    (tmp_path / "entry").mkdir()
    return KeyData(str(tmp_path / "entry" / "key.pkl"))


def test_a_key_is_read_as_it_was_written_and_no_byte_less(key):
    entries.save(key)
    path = Path(key.key_pkl)
    with path.open("rb") as file:
        assert entries.load_key(file) == key
    assert [file.name for file in path.parent.iterdir()] == ["key.pkl"]
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[1:], b"", bytes(len(whole))):
        path.write_bytes(damaged)
        with path.open("rb") as file, pytest.raises(EOFError, match=r"damaged key\.pkl"):
            entries.load_key(file)


def test_a_key_of_an_entry_that_another_process_has_deleted_is_damage(key):
    Path(key.key_pkl).parent.rmdir()
    with pytest.raises(entries.DamagedEntry, match=r"entry/module\.so is damaged") as raised:
        entries.save(key)
    assert raised.value.module == key.get_entry()
    assert not Path(key.key_pkl).parent.exists()


@pytest.mark.parametrize("old", [True, False])
def test_a_full_disk_leaves_the_old_key_or_no_entry(key, monkeypatch, old):
    def full(part, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    if old:
        entries.save(key)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CompileError, match=f"free some space for {Path(key.key_pkl).parent}"):
        entries.save(dataclasses.replace(key, keys=(3,)))
    if old:
        with open(key.key_pkl, "rb") as file:
            assert entries.load_key(file) == key
        assert [file.name for file in Path(key.key_pkl).parent.iterdir()] == ["key.pkl"]
    else:
        assert not Path(key.key_pkl).parent.exists()


def test_what_another_process_has_deleted_is_empty_and_not_old(tmp_path):
    assert entries.listing(str(tmp_path / "none")) == []
    (tmp_path / "file").touch()
    assert entries.listing(str(tmp_path)) == ["file"]
    os.utime(tmp_path / "file", (1000, 2000))
    assert entries.last_access(str(tmp_path / "file")) == 1000
    assert entries.last_access(str(tmp_path / "none")) >= (tmp_path / "file").stat().st_ctime - 1


@pytest.fixture
def module_cache(tmp_path):
    """What Theano has read of a cache with two modules."""
    names = {}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        names[name] = str(tmp_path / name / "module.so")
        Path(names[name]).touch()
    data = {name: KeyData(str(tmp_path / name / "key.pkl")) for name in names}
    return names, SimpleNamespace(
        module_from_name=dict.fromkeys(names.values(), "loaded"),
        loaded_key_pkl={one.key_pkl for one in data.values()},
        entry_from_key={f"key of {name}": module for name, module in names.items()},
        module_hash_to_key_data={f"hash of {name}": one for name, one in data.items()},
    )


def test_a_damaged_entry_is_deleted_forgotten_and_made_again(module_cache):
    names, cache = module_cache
    calls = []

    @entries.repairing
    def module_from_key(cache, key, lnk=None):
        """Theano's."""
        calls.append((key, lnk))
        if Path(names["a"]).exists():
            raise entries.DamagedEntry(names["a"])
        return "made again"

    assert module_from_key(cache, 5, lnk=6) == "made again"
    assert calls == [(5, 6)] * 2
    assert module_from_key.__doc__ == "Theano's."
    assert not Path(names["a"]).parent.exists()
    assert list(cache.module_from_name) == [names["b"]]
    assert {Path(path).parent.name for path in cache.loaded_key_pkl} == {"b"}
    assert list(cache.entry_from_key) == ["key of b"]
    assert list(cache.module_hash_to_key_data) == ["hash of b"]


def test_damage_that_stays_is_told_after_one_repair(module_cache):
    names, cache = module_cache

    def module_from_key(cache):
        raise entries.DamagedEntry(names["b"])

    with pytest.raises(CompileError, match=r"b/module\.so is damaged and cannot be deleted: delete it"):
        entries.repairing(module_from_key)(cache)


@pytest.fixture
def part_of_theano(tmp_path):
    """A copy of a module that Theano itself consists of, and its folder."""
    import theano
    import theano.gof.cutils  # which compiles it into an empty cache

    name = "cutils_ext"
    folder = tmp_path / "cache" / name
    shutil.copytree(Path(theano.config.compiledir, name), folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder, folder / f"{name}.so"


def test_a_part_of_theano_that_is_whole_stays(part_of_theano):
    folder, module = part_of_theano
    before, path = module.stat(), list(sys.path)
    entries.prepare(str(folder))
    assert (module.stat().st_ino, sys.path) == (before.st_ino, path)


@pytest.mark.parametrize("damage", [*DAMAGES, Path.unlink])
def test_a_damaged_part_of_theano_is_deleted_with_its_folder(part_of_theano, monkeypatch, damage):
    folder, module = part_of_theano
    for name in ("cutils_ext", "cutils_ext.cutils_ext"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    path = list(sys.path)
    (folder / "more").touch()
    damage(module)
    entries.prepare(str(folder))
    assert (folder / "__init__.py").exists()
    assert not module.exists()
    assert (folder / "more").exists() == (damage is Path.unlink)  # else Theano has the folder anew
    assert [file.name for file in folder.parent.iterdir()] == ["cutils_ext"]
    assert sys.path == path
    assert "cutils_ext.cutils_ext" not in sys.modules
