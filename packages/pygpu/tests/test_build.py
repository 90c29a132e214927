"""The build of pygpu: `make pygpu`. What needs the sources of libgpuarray finds them by LXMLS_PYGPU_SOURCE."""

import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

BUILD = Path(__file__).parents[1]
ROOT = BUILD.parents[1]


@pytest.fixture(scope="module")
def build():
    """The functions of packages/pygpu."""
    before = sys.path[:]
    yield SimpleNamespace(**runpy.run_path(str(BUILD / "__main__.py")))
    sys.path[:] = before
    sys.modules.pop("edits", None)


@pytest.fixture(scope="module")
def source():
    """SOURCE of the original sources: a folder or an address with a digest."""
    if not os.environ.get("LXMLS_PYGPU_SOURCE"):
        pytest.skip("LXMLS_PYGPU_SOURCE does not name the sources of libgpuarray, which no package index has")
    return os.environ["LXMLS_PYGPU_SOURCE"]


@pytest.fixture
def folder(tmp_path):
    """A folder that has the shape of the sources."""
    (tmp_path / "libgpuarray" / "pygpu").mkdir(parents=True)
    (tmp_path / "libgpuarray" / "pygpu" / "gpuarray.pyx").write_text("import numpy\n")
    return tmp_path / "libgpuarray"


@pytest.fixture
def archive(folder, tmp_path):
    """The folder as the archive that a server offers, and its digest."""
    file = tmp_path / "libgpuarray.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        archive.add(folder, "libgpuarray-1")
    return file.as_uri(), hashlib.sha256(file.read_bytes()).hexdigest()


def test_sources_come_from_a_folder_which_stays_as_it_is_or_from_an_archive(build, folder, archive, tmp_path):
    address, digest = archive
    for number, source in enumerate((str(folder), f"{address}#sha256={digest}", f"{address}#sha256={digest.upper()}")):
        (tmp_path / str(number)).mkdir()
        found = build.unpack(source, tmp_path / str(number))
        assert found.is_relative_to(tmp_path / str(number))
        assert (found / "pygpu" / "gpuarray.pyx").read_text() == "import numpy\n"


@pytest.mark.parametrize(
    ("end", "error"),
    [
        ("", "expected file://.*#sha256= and the digest of the file"),
        ("#sha256=00", "has the SHA-256 digest [0-9a-f]{64}, expected 00"),
    ],
)
def test_an_archive_needs_its_own_digest(build, archive, tmp_path, end, error):
    with pytest.raises(ValueError, match=error):
        build.unpack(archive[0] + end, tmp_path)
    with pytest.raises(ValueError, match=r"nowhere.* is neither a folder nor an address"):
        build.unpack("nowhere" + end, tmp_path)


def test_sources_of_another_version_are_refused_by_the_first_edit_that_does_not_fit(build, folder):
    error = r"pygpu/gpuarray\.pyx is not libgpuarray 0\.7\.6's: expected .* 1 times, found 0 \(edit: NumPy 2 raises"
    with pytest.raises(ValueError, match=error):
        build.edit_sources(folder)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(["", "dist"], "expected SOURCE=FOLDER or SOURCE=ADDRESS#sha256="), (["nowhere", "dist"], "nowhere is neither")],
)
def test_a_mistake_in_the_call_is_one_sentence(tmp_path, arguments, error):
    (tmp_path / "uv").symlink_to(shutil.which("true"))  # the image has no uv
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, BUILD, *arguments], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(f"pygpu: {error}.*\n", done.stderr), done.stderr


def test_every_edit_fits_the_sources(build, source, tmp_path):
    folder = build.unpack(source, tmp_path)
    build.edit_sources(folder)
    assert f'"{build.version()}"' in (folder / "pygpu" / "_version.py").read_text()
    with pytest.raises(ValueError, match="found 0"):  # twice
        build.edit_sources(folder)


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """A folder with sdist and wheel, and what is installed from the wheel in packages/."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, BUILD, source, folder], check=True)
    uv = shutil.which("uv", path=f"{os.environ['PATH']}:{ROOT / '.uv' / 'bin'}")
    (wheel,) = folder.glob("*.whl")
    install = [uv, "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", folder / "packages"]
    subprocess.run([*install, wheel], check=True)
    return folder


@pytest.mark.nightly("compiles libgpuarray and pygpu, one minute")
def test_the_wheel_needs_nothing_but_itself(built, build, tmp_path):
    """C code is compiled with its headers and its library, and runs with the library that pygpu has loaded."""
    (tmp_path / "code.c").write_text(
        "#include <Python.h>\n#include <numpy/arrayobject.h>\n#include <gpuarray/array.h>\n"
        "#include <gpuarray/kernel.h>\n#include <gpuarray/error.h>\n#include <gpuarray_api.h>\n"
        "const char *text(void) { return gpuarray_error_str(GA_NO_ERROR); }\n"
    )
    code = """
import ctypes, os, subprocess, sysconfig
import numpy, pygpu
print(pygpu.__version__)
include, lib = pygpu.get_include(), os.path.join(os.path.dirname(pygpu.__file__), "lib")
folders = [include, numpy.get_include(), sysconfig.get_path("include")]
command = ["gcc", "-shared", "-fPIC", "code.c", "-o", "code.so", "-L" + lib, "-lgpuarray"]
subprocess.run(command + ["-I" + folder for folder in folders], check=True)
text = ctypes.CDLL("./code.so").text
text.restype = ctypes.c_char_p
print(text().decode())
print(len({line.split()[-1] for line in open("/proc/self/maps") if "libgpuarray" in line}))
"""
    environ = {"PYTHONPATH": str(built / "packages"), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [build.version(), "No error", "1"]
