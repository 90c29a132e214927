"""What Theano really uses, and the file that has every Python of the environment prepare its import."""

import sysconfig
from dataclasses import dataclass
from pathlib import Path

from lxmls_rnn.files import write_atomically
from lxmls_rnn.theano_env.load import device_used

PTH_NAME = "lxmls_rnn_theano.pth"
# One line, because Python runs a .pth file line by line; and nothing it does may stop the interpreter.
PTH_LINE = (
    'import sys; exec("try:\\n from lxmls_rnn import _theano_hook; _theano_hook.install()\\nexcept Exception: pass")\n'
)


@dataclass(frozen=True)
class Report:
    """What Theano really uses."""

    theano_version: str
    device_asked: str  # "cpu", "cuda0", ...
    device_used: str  # the same, proved by a shared variable
    floatX: str  # "float32" or "float64"
    blas_ldflags: str  # what C code is linked with for BLAS; empty: NumPy's functions are called instead
    cxx: str  # the C++ compiler; empty: none
    compiledir: str  # the folder of the compile cache
    c_code: bool  # whether graphs run as compiled C; if not, each Op runs in Python


def report() -> Report:
    """Import Theano and tell what it really uses."""
    import theano
    from theano.compile.mode import get_default_mode

    config = theano.config
    linker = get_default_mode().linker
    return Report(
        theano_version=theano.__version__,
        device_asked=config.device,
        device_used=device_used(),
        floatX=config.floatX,
        blas_ldflags=config.blas.ldflags,
        cxx=config.cxx,
        compiledir=config.compiledir,
        c_code=bool(config.cxx) and getattr(linker, "c_thunks", True),
    )


def write_pth(folder: Path | None = None) -> Path:
    """Make every Python of this environment prepare ``import theano``; return the file written.

    It goes into `folder`, by default the running interpreter's ``site-packages``.
    """
    folder = folder or Path(sysconfig.get_paths()["purelib"])
    write_atomically(folder / PTH_NAME, PTH_LINE)
    return folder / PTH_NAME
