"""Import of Theano as its host prefers it."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from theano_runtime import contexts
from theano_runtime.host import host


@contextmanager
def importing() -> Iterator[None]:
    """Run the body of ``theano/__init__.py`` within the host's `importing`; after an error it can be repeated."""
    for category in (DeprecationWarning, FutureWarning, ResourceWarning, SyntaxWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(.*/)?theano[./]")
    warnings.filterwarnings("ignore", "numpy.ndarray size changed")  # when a compiled module is loaded
    try:
        with host().importing():
            yield
            contexts.share_gpu()
    except BaseException:
        _remove_modules()
        raise


def _remove_modules() -> None:
    """Remove a failed import's modules, whose settings cannot change, so that the next import starts from scratch."""
    for name in [name for name in sys.modules if name.startswith("theano.")]:
        del sys.modules[name]
