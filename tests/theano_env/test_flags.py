"""The flags that Theano is given, for environments and machines of all kinds."""

import os
import re
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from environment import within
from theano_runtime.failures import CompileError

from lxmls_rnn.device import libraries
from lxmls_rnn.theano_env import flags

NOBODY = 65534  # the number of an account
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to another account")
needs_compiler = pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")
CLEAN = {"THEANORC": os.devnull, "PATH": os.environ.get("PATH", "")}


def settings(cache, **environ):
    return within({**CLEAN, "XDG_CACHE_HOME": str(cache), **environ}, flags.settings)


@pytest.fixture
def compiler(tmp_path):
    """Write a compiler that tells a version."""

    def write(version):
        path = tmp_path / f"cxx{len(list(tmp_path.iterdir()))}"
        path.write_text(f"#!/bin/sh\necho '{version}'\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_files_of_the_user_are_read_one_after_the_other_or_else_that_of_the_home_folder(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("[global]\nfloatX = float32\ndevice = cuda\n[gcc]\ncxxflags = -O1\n")
    (tmp_path / "b").write_text("[global]\ndevice = cpu\n")
    files = f"{tmp_path}/a{os.pathsep}{tmp_path}/b{os.pathsep}{tmp_path}/none"
    read = within({"THEANORC": files}, flags.rc_flags)
    assert read == {"floatx": "float32", "device": "cpu", "gcc.cxxflags": "-O1"}
    monkeypatch.setenv("HOME", str(tmp_path))
    assert within({}, flags.rc_flags) == {}
    (tmp_path / "a").rename(tmp_path / ".theanorc")
    assert within({}, flags.rc_flags) == {**read, "device": "cuda"}
    assert within({}, flags.user_flags) == {}


RC = "[global]\nfloatX = float32\ndevice = cuda1\n[blas]\nldflags = -lmine\n"
ON_GPU = {"dnn.enabled": "False", "floatX": "float32"}
NEITHER = {"dnn.enabled": None, "gpuarray.cache_path": None}
MINE = {"base_compiledir": None, "gpuarray.cache_path": None}


@pytest.mark.parametrize(
    ("rc", "device", "floatx", "theano_flags", "expected"),
    [
        ("", "cpu", "", "", {"device": "cpu", "floatX": "float64", **NEITHER}),
        ("", "cuda0", "", "", {"device": "cuda0", **ON_GPU}),
        ("", "auto", "float64", "device=cpu", {"device": None}),
        ("", "auto", "float64", "floatX=float32", {"floatX": None}),
        ("", "cpu", "", "floatX=float32", {"device": "cpu"}),
        ("", "cuda", "", "device=cuda", {"device": None}),
        ("", "cuda", "", "compiledir=/mine", MINE),
        ("", "cuda", "", "base_compiledir=/mine", MINE),
        ("", "cpu", "", "blas.ldflags=-lmine", {"blas.ldflags": None}),
        (RC, "", "", "", {"floatX": None, "device": None, "blas.ldflags": None, "dnn.enabled": "False"}),
        (RC, "cpu", "float64", "", {"device": "cpu", "floatX": "float64", "dnn.enabled": None}),
    ],
)
def test_theano_flags_go_before_our_variables_and_these_before_the_rc_file(
    tmp_path, rc, device, floatx, theano_flags, expected
):
    (tmp_path / "rc").write_text(rc)
    given = {"LXMLS_DEVICE": device, "LXMLS_FLOATX": floatx, "THEANO_FLAGS": theano_flags}
    found = settings(tmp_path, THEANORC=str(tmp_path / "rc"), **{name: value for name, value in given.items() if value})
    assert {name: found.get(name) for name in expected} == expected


def test_kernels_are_kept_by_gpu(tmp_path):
    kernels = tmp_path / "lxmls-rnn" / "theano" / "gpu" / libraries.kernel_folder_name(1)
    assert settings(tmp_path, LXMLS_DEVICE="cuda1")["gpuarray.cache_path"] == str(kernels)


def test_auto_is_the_device_that_is_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(flags.device, "choose", lambda asked: SimpleNamespace(device={"auto": "cuda"}[asked]))
    assert settings(tmp_path, LXMLS_DEVICE="auto")["device"] == "cuda"


def test_two_devices_asked_for_at_once_are_refused(tmp_path):
    with pytest.raises(RuntimeError, match="LXMLS_DEVICE asks for cuda0 but THEANO_FLAGS for cpu"):
        settings(tmp_path, LXMLS_DEVICE="cuda0", THEANO_FLAGS="device=cpu")


def test_flags_are_read_as_theano_reads_them():
    read = within({"THEANO_FLAGS": "device=cpu, gcc.cxxflags='-O1,-g', lonely,device=cuda"}, flags.user_flags)
    assert read == {"device": "cuda", "gcc.cxxflags": "-O1,-g"}


def test_the_cache_is_where_the_users_programs_keep_theirs(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = settings(tmp_path / "xdg")["base_compiledir"]
    assert here == str(tmp_path / "xdg" / "lxmls-rnn" / "theano")
    assert Path(here).is_dir()
    for name in ("", "relative"):
        assert settings(name)["base_compiledir"] == str(tmp_path / "home" / ".cache" / "lxmls-rnn" / "theano")


def test_without_headers_no_c_code_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setattr(flags, "python_headers", lambda: tmp_path / "Python.h")
    with pytest.warns(RuntimeWarning, match=re.escape(f"{tmp_path}/Python.h is missing") + ".*lxmls-rnn doctor"):
        found = settings(tmp_path, THEANO_FLAGS="floatX=float32")
    assert (found["cxx"], found["blas.ldflags"]) == ("", "")
    assert "gcc.cxxflags" not in found


def test_who_wants_no_compiler_is_not_warned(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = settings(tmp_path, THEANO_FLAGS="cxx=")
    assert found["blas.ldflags"] == ""
    assert "cxx" not in found


def test_a_warning_names_the_line_that_asked(tmp_path):
    with pytest.warns(RuntimeWarning, match="no C\\+\\+ compiler") as warned:
        settings(tmp_path, PATH=str(tmp_path / "none"))
    assert [warning.filename for warning in warned] == [flags.__file__]


@pytest.mark.parametrize(("version", "knows"), [("10.2", False), ("11", True), ("12.2.0", True), ("clang", False)])
def test_code_is_compiled_for_a_class_of_processors_where_compiler_and_processor_know_it(
    tmp_path, compiler, version, knows, monkeypatch
):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "")
    is_v3 = {"avx2", "bmi1", "bmi2", "fma", "movbe", "f16c"} <= set(cpu.split())
    found = settings(tmp_path, THEANO_FLAGS=f"cxx={compiler(version)}")
    assert (found.get("gcc.cxxflags") == "-march=x86-64-v3") == (knows and is_v3)
    assert found["compiledir_format"].endswith("-v3") == (knows and is_v3)
    assert found["compiledir_format"].startswith("py%(python_version)s-np%(numpy_version)s-th")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    found = settings(tmp_path, THEANO_FLAGS=f"cxx={compiler(version)}")
    assert (found["gcc.cxxflags"], found["compiledir_format"][-8:]) == ("-march=armv8-a", "-armv8-a")


def test_a_compiler_that_knows_no_library_links_none(tmp_path, compiler, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy_openblas32", None)  # as if it were not installed
    # g++ answers with the bare name where it finds no such file
    for answer, expected in (("libopenblas.so", ""), ("/usr/lib/libopenblas.so", "-lopenblas")):
        assert settings(tmp_path, THEANO_FLAGS=f"cxx={compiler(answer)}")["blas.ldflags"] == expected


def test_a_compiler_must_tell_its_version(tmp_path, compiler):
    for version in ("12.2.0", "9", "1" * 40, "13.0.1-rc+1"):
        flags.require_version(compiler(version))
    for version in ("no version", "1" * 41, "\u0661\u0662", ""):
        with pytest.raises(CompileError, match="does not work"):
            flags.require_version(compiler(version))
    with pytest.raises(CompileError, match="printed nothing"):
        flags.require_version(str(tmp_path / "none"))


@pytest.fixture
def image(tmp_path, monkeypatch):
    """The folder of an image with a compile cache in it, and a set of folders that cannot be written."""
    for name in ("theano", "gpu"):
        (tmp_path / "image" / "cache" / name).mkdir(parents=True)
    (tmp_path / "image" / "cache" / "theano" / "module").write_text("compiled")
    (tmp_path / "image" / "cache" / "theano").chmod(0o777)
    refused, access = set(), os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) not in refused and access(path, mode))
    return tmp_path / "image", refused


def test_in_the_image_its_own_cache_is_taken(image, tmp_path):
    folder, _ = image
    found = settings(tmp_path / "xdg", LXMLS_IMAGE=str(folder), LXMLS_DEVICE="cuda")
    assert found["base_compiledir"] == str(folder / "cache" / "theano")
    kernels = folder / "cache" / "gpu" / str(os.getuid()) / libraries.kernel_folder_name(0)
    assert found["gpuarray.cache_path"] == str(kernels)
    assert not (tmp_path / "xdg").exists()


def test_of_an_image_that_cannot_be_written_each_user_has_a_copy(image, tmp_path):
    folder, refused = image
    refused |= {folder / "cache" / "theano", folder / "cache" / "gpu"}
    os.utime(folder / "cache" / "theano", (1000, 1000))
    environ = {"LXMLS_IMAGE": str(folder), "LXMLS_DEVICE": "cuda"}
    found = settings(tmp_path / "xdg", **environ)
    copy = Path(found["base_compiledir"])
    assert copy == tmp_path / "xdg" / "lxmls-rnn" / "theano" / "image-1000"
    assert (copy / "module").read_text() == "compiled"
    assert copy.stat().st_mode & 0o777 == 0o700
    assert found["gpuarray.cache_path"].startswith(str(copy / "gpu" / "driver-"))
    (copy / "module").write_text("mine")
    assert settings(tmp_path / "xdg", **environ)["base_compiledir"] == str(copy)
    assert (copy / "module").read_text() == "mine"
    assert [path.name for path in copy.parent.iterdir()] == ["image-1000"]
    os.utime(folder / "cache" / "theano", (2000, 2000))  # another image
    assert settings(tmp_path / "xdg", **environ)["base_compiledir"].endswith("image-2000")


def test_a_copy_that_another_process_has_made_meanwhile_is_taken(image, tmp_path, monkeypatch):
    folder, refused = image
    refused.add(folder / "cache" / "theano")
    rename = os.rename

    def slow(part, copy):
        Path(copy).mkdir()
        (Path(copy) / "module").write_text("of the other")
        rename(part, copy)

    monkeypatch.setattr(os, "rename", slow)
    copy = Path(settings(tmp_path / "xdg", LXMLS_IMAGE=str(folder))["base_compiledir"])
    assert (copy / "module").read_text() == "of the other"
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The folder for temporary files; the cache's own cannot be made."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr(flags.tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp", tmp_path / "file"


def test_a_cache_that_cannot_be_made_is_replaced_by_one_that_is_this_users_alone(elsewhere):
    tmp, file = elsewhere
    with pytest.warns(RuntimeWarning, match=f"^{file}/lxmls-rnn/theano cannot be written: compiled code goes to {tmp}"):
        other = Path(settings(file)["base_compiledir"])
    assert other == tmp / f"lxmls-rnn-{os.getuid()}"
    assert other.stat().st_mode & 0o777 == 0o700
    with pytest.warns(RuntimeWarning):
        assert settings(file)["base_compiledir"] == str(other)


@pytest.mark.parametrize("trap", ["link", pytest.param("folder", marks=needs_root), "file", "open folder"])
def test_what_somebody_else_has_put_there_is_not_taken(elsewhere, trap):
    tmp, file = elsewhere
    expected = tmp / f"lxmls-rnn-{os.getuid()}"
    if trap == "file":
        expected.touch()
    elif trap == "link":
        expected.symlink_to("/tmp")
    else:
        expected.mkdir()
        expected.chmod(0o777)
    if trap == "folder":
        expected.chmod(0o755)
        os.chown(expected, NOBODY, NOBODY)
    with pytest.warns(RuntimeWarning):
        other = Path(settings(file)["base_compiledir"])
    assert other.parent == tmp
    assert other != expected
    assert other.name.startswith("lxmls-rnn-")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # os.access hides the compiler too
def test_where_no_folder_serves_it_is_said(elsewhere, monkeypatch):
    tmp, file = elsewhere
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(
        RuntimeError, match=f"{file}/lxmls-rnn/theano cannot .*; {tmp}/lxmls-rnn-.* cannot be .*XDG_CACHE"
    ):
        settings(file)


def test_in_effect_is_what_the_user_has_set_before_what_suits_the_machine(tmp_path, monkeypatch):
    (tmp_path / "rc").write_text("[global]\nfloatX = float16\nmode = A\n")
    monkeypatch.setenv("THEANORC", str(tmp_path / "rc"))
    monkeypatch.setenv("THEANO_FLAGS", "mode=B,cxx=g++")
    monkeypatch.delenv("LXMLS_FLOATX", raising=False)
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")

    def missing():  # this thread is silent, others warn
        thread = threading.Thread(target=lambda: warnings.warn("of a training", stacklevel=1))
        thread.start()
        thread.join()
        return tmp_path / "Python.h"

    monkeypatch.setattr(flags, "python_headers", missing)
    with pytest.warns() as told:
        found = flags.in_effect()
    assert {str(warning.message) for warning in told} == {"of a training"}
    assert (found["floatx"], found["mode"], found["device"], found["cxx"]) == ("float16", "B", "cpu", "g++")
    monkeypatch.setenv("THEANO_FLAGS", "mode=B,cxx=")
    assert flags.in_effect()["cxx"] == ""
