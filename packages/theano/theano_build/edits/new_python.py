"""Support for Python 3.11 to 3.14."""

import re

from theano_build.edit import Edit

EDITS = {
    "Python 3.12 has no distutils, and NumPy no numpy.distutils": (
        Edit("configdefaults.py", "import distutils.spawn", "import shutil"),
        Edit("configdefaults.py", "distutils.spawn.find_executable(", "shutil.which("),
        Edit("configdefaults.py", "del distutils", "del shutil"),
        # without it the default for blas.ldflags is a library that the linker finds
        Edit(
            "configdefaults.py",
            "    except KeyError:\n        pass\n\n    #",
            "    except (AttributeError, KeyError):\n        pass\n\n    #",
        ),
        Edit("tensor/blas.py", "import numpy.distutils\n", ""),
        Edit("tensor/blas.py", "import numpy.distutils.__config__", "pass"),
        Edit("gof/cmodule.py", "import numpy.distutils\n", "import numpy\n"),
        Edit("gof/cmodule.py", "numpy.distutils.misc_util.get_numpy_include_dirs()", "[numpy.get_include()]"),
        Edit("gof/cmodule.py", "import distutils.sysconfig\n", "import sysconfig\n"),
        Edit("gof/cmodule.py", "distutils.sysconfig.get_python_inc()", "sysconfig.get_path('include')", 2),
        Edit(
            "gof/cmodule.py",
            "distutils.sysconfig.get_python_inc(plat_specific=True)",
            "sysconfig.get_path('platinclude')",
        ),
        Edit(
            "gof/cmodule.py",
            re.compile(r"distutils\.sysconfig\.get_python_lib\(plat_specific=1,(\n *)standard_lib=1\)"),
            r"sysconfig.get_path(\1'stdlib')",
        ),
        Edit("gof/cmodule.py", "distutils.sysconfig.get_", "sysconfig.get_", 7),
    ),
    "Python 3.12 removed names from configparser": (
        Edit("versioneer.py", "configparser.SafeConfigParser()", "configparser.ConfigParser()"),
        Edit("versioneer.py", "parser.readfp(f)", "parser.read_file(f)"),
    ),
    "Python 3.12 has no module imp": (
        Edit("tests/breakpoint.py", "import imp\n", "from importlib.util import find_spec\n"),
        Edit("tests/breakpoint.py", "imp.find_module(", "find_spec(", 2),
    ),
    "Only old versions of setuptools include pkg_resources": (
        Edit("gpuarray/linalg.py", "import pkg_resources\n", ""),
        Edit("gpuarray/linalg.py", ", pkg_resources.DistributionNotFound)", ")", 2),
    ),
    "Theano's Cython module for scan does not compile with Python 3.11; scan's Python loop is as fast": (
        Edit(
            "scan_module/scan_perform_ext.py",
            "import warnings\n",
            "import warnings\n\nif sys.version_info >= (3, 11):\n    raise ImportError('not for this Python')\n",
        ),
    ),
}
