"""Import of Theano: its settings, and what it imports itself."""

import re
import textwrap

from theano_build.edit import Edit

NO_SIGNALTOOLS = re.compile(r"from scipy\.signal\.signaltools import .*"), "raise ImportError"


def _within_import(match: "re.Match[str]") -> str:
    """Return the body of ``theano/__init__.py`` as a block that runs as the host of Theano prefers it."""
    return f"{match[1]}\nfrom theano_runtime.importing import importing\n\nwith importing():\n" + textwrap.indent(
        match[2].lstrip(), "    "
    )


EDITS = {
    "SciPy can import its parts when they are used, which saves most of a second at the start": (
        Edit("scalar/basic_scipy.py", "import scipy.special\n", "import scipy\n"),
        Edit("scalar/basic_scipy.py", "    import scipy.stats\n", ""),
        Edit("tensor/slinalg.py", "    import scipy.linalg\n", "    import scipy\n"),
        # Ops in Python use NumPy's products instead of SciPy's, without a warning
        Edit("tensor/blas.py", "    import scipy.linalg.blas\n", "    raise ImportError\n"),
        Edit("tensor/blas.py", "if not config.blas.ldflags:\n        _logger", "if False:\n        _logger"),
        Edit("tensor/blas_headers.py", "_logger.warning('Using NumPy", "_logger.info('Using NumPy"),
        # SciPy removed these names
        Edit("tensor/nnet/conv.py", *NO_SIGNALTOOLS),
        Edit("tensor/nnet/abstract_conv.py", *NO_SIGNALTOOLS),
    ),
    "A user may have no name and no HOME": (
        Edit("configdefaults.py", "    assert home is not None\n", "    home = home or ''  # the cache is elsewhere\n"),
    ),
    "The pygpu of packages/pygpu contains the library libgpuarray": (
        Edit(
            "gpuarray/type.py",
            "        dirs = []\n        for dir_to_add in ['Library/lib', 'lib']:\n",
            "        ours = os.path.join(os.path.dirname(pygpu.get_include()), 'lib')\n"
            "        dirs = [ours] if os.path.isdir(ours) else []\n"
            "        for dir_to_add in ['Library/lib', 'lib']:\n",
        ),
    ),
    "Theano is imported with the settings of its host, and lets threads share a GPU": (
        Edit("__init__.py", re.compile(r'(?s)(.*__docformat__ = "restructuredtext en"\n)(.*)'), _within_import),
    ),
}
