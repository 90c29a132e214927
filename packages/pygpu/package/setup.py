"""Build libgpuarray into pygpu's package, and pygpu with it; replaces CMake and the original setup.py.

`pygpu/include` contains the headers of both, `pygpu/lib` the library, for the C code that Theano compiles.
"""

import shutil
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SONAME = "libgpuarray.so.3"  # as in the distributions, so that compiled Theano code runs with either
ABI_VERSION = 3000  # of src/CMakeLists.txt: VERSION 3.0
MACROS = [("_GNU_SOURCE", None), ("GPUARRAY_BUILDING_DLL", None), ("GPUARRAY_SHARED", None)]
# like the distributions' library, it has active assertions; its C dates from before C99
FLAGS = ["-std=gnu89", "-O2", "-UNDEBUG", "-fvisibility=hidden", "-w"]


class BuildWithLibrary(build_ext):
    """Build the shared library before the modules that are linked to it."""

    def build_extensions(self) -> None:
        """Build all."""
        folder = Path(self.build_lib, "pygpu", "lib")
        folder.mkdir(parents=True, exist_ok=True)
        sources = [
            str(file) for file in sorted(Path("src").rglob("*.c")) if not file.name.endswith(("mkstemp.c", ".h.c"))
        ]
        objects = self.compiler.compile(
            sources, self.build_temp, MACROS, ["src", "pygpu/include"], extra_postargs=FLAGS
        )
        link = ["-Wl,-soname," + SONAME, "-Wl,-s"]
        self.compiler.link_shared_object(objects, str(folder / SONAME), libraries=["dl"], extra_postargs=link)
        shutil.copy(folder / SONAME, folder / "libgpuarray.so")  # for the linker; a wheel has no symbolic links
        for extension in self.extensions:
            extension.library_dirs.append(str(folder))
        super().build_extensions()


def write_headers() -> None:
    """Collect the headers in `pygpu/include`; CMake would write abi_version.h and private_config.h."""
    include = Path("pygpu", "include")
    shutil.copytree(Path("src", "gpuarray"), include / "gpuarray", dirs_exist_ok=True)
    (include / "gpuarray" / "abi_version.h").write_text(f"#define GPUARRAY_ABI_VERSION {ABI_VERSION}\n")
    for header in Path("pygpu").glob("*.h"):
        shutil.copy(header, include)
    template = Path("src", "private_config.h.in").read_text()
    # the library brings its own strlcat, which only new versions of glibc have
    config = template.replace("#cmakedefine HAVE_STRL", "").replace("#cmakedefine", "#define")
    Path("src", "private_config.h").write_text(config)


def modules() -> list[Extension]:
    """Return pygpu's modules in C."""
    names = ("gpuarray", "blas", "_elemwise", "collectives")
    options = {
        "define_macros": [("GPUARRAY_SHARED", None)],
        "include_dirs": [numpy.get_include(), "pygpu/include", "pygpu"],
        "libraries": ["gpuarray"],
        "extra_compile_args": ["-w"],
        "runtime_library_dirs": ["$ORIGIN/lib"],
    }
    found = [Extension(f"pygpu.{name}", [f"pygpu/{name}.pyx"], **options) for name in names]
    return cythonize(found, language_level=2, quiet=True)


extensions = modules()
write_headers()  # some of which Cython has written
setup(ext_modules=extensions, cmdclass={"build_ext": BuildWithLibrary})
