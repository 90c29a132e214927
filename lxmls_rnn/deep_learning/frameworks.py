"""The frameworks that the models compute with, and the commands that install the optional ones."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

from lxmls_rnn.device import problems


class Framework(NamedTuple):
    """Description of a framework, available without importing it."""

    name: str
    module: str
    compile_time: str = ""  # in words, at most, of a model's first step; empty if the framework does not compile
    group: str = ""  # of dependencies; empty if the framework is no option of `make setup`
    download: str = ""  # what the group downloads

    @property
    def remedy(self) -> str:
        """The command that installs the framework."""
        return problems.advice("framework").format(self.group) if self.group else "`make setup`"

    @property
    def missing(self) -> str:
        """The sentence that says how to install the framework; empty if it is installed."""
        if self.module == "theano":
            return _missing_theano()
        if not self.group or find_spec(self.module) is not None:
            return ""
        return f"{self.name} is not installed: {self.remedy} installs it ({self.download})"


def _missing_theano() -> str:
    try:
        import lxmls_rnn.theano_env  # noqa: F401  it checks the build, without importing Theano
    except ImportError as error:
        return str(error)
    return ""


NUMPY = Framework("NumPy", "numpy")
THEANO = Framework("Theano", "theano", "up to a minute")
TORCH = Framework("PyTorch", "torch", group="torch", download="2.5 GB, with CUDA")

# each backend, a way to compute the models: its framework, and its description in the benchmark
BACKENDS = {
    "numpy": (NUMPY, "NumpyRNN, NumpyLSTM"),
    "scan": (THEANO, "RNN, LSTM: Theano's scan"),
    "fused": (THEANO, "FastRNN, FastLSTM: the recurrent layer as one Op"),
    "torch": (TORCH, "PyTorch, a loop over the steps"),
    "torch-fused": (TORCH, "PyTorch's nn.RNN, nn.LSTM, always without peepholes; with cuDNN on a GPU"),
}
FRAMEWORKS = {backend: framework for backend, (framework, _) in BACKENDS.items()}
