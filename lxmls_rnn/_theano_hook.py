"""Notice ``import theano``, wherever it is written, and let :mod:`lxmls_rnn.theano_env` take it from there.

A ``.pth`` file imports this module at the start of every Python of the project's environment. That is why
it imports nothing but ``sys``: ``typing`` alone would cost 5 ms.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

NAMES = frozenset(["theano", "theano.gof.cmodule", "theano.gof.compilelock"])


class _Loader:
    """Theano's own loader, run by :func:`lxmls_rnn.theano_env.load.load`."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        from lxmls_rnn.theano_env.load import load

        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        load(module, self._loader.exec_module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class TheanoFinder:
    """A ``sys.meta_path`` finder that answers for :data:`NAMES` and for the files of Theano that are edited."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that the other finders give, its loader wrapped or replaced; None for another name."""
        if name != "theano" and not name.startswith("theano."):
            return None
        from lxmls_rnn.theano_env.sources import MODULES, EditedLoader

        if name not in NAMES and name not in MODULES:
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            if find_spec is None or isinstance(finder, TheanoFinder):
                continue
            spec = find_spec(name, path, target)
            if spec is not None:
                if name in MODULES and spec.origin is not None:
                    spec.loader = EditedLoader(name, spec.origin)
                if name in NAMES and spec.loader is not None:
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


def install() -> None:
    """Put the finder in front of the others; once is enough, and more does no harm."""
    if not any(isinstance(finder, TheanoFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, TheanoFinder())
