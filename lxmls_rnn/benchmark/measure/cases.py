"""Cases of the benchmark, and the named sets of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, product
from typing import Any, Protocol, TypeVar

from lxmls_rnn.deep_learning.parameters import DTYPES, Sizes
from lxmls_rnn.storage.files import quoted

MODELS = {
    "rnn": "Simple recurrent, with tanh",
    "lstm": "Long short-term memory with peepholes",
    "lstm-no-peepholes": "Long short-term memory without peepholes, as PyTorch's",
}
IMPLEMENTATIONS = {
    "numpy": "NumpyRNN, NumpyLSTM",
    "scan": "RNN, LSTM: Theano's scan",
    "fused": "FastRNN, FastLSTM: the recurrent layer as one Op",
    "torch": "PyTorch, a loop over the steps",
    "torch-fused": "PyTorch's nn.RNN, nn.LSTM, always without peepholes; with cuDNN on a GPU",
}
# for a GPU: FastRNN and FastLSTM take the first up to a number of hidden units, above it the second: `gpu_plans`
PLANS = {
    "one-kernel": "fused, all steps of the layer in one kernel, whatever the size",
    "stepwise": "fused, products and a kernel for every step, whatever the size",
}
WORKS = {
    "forward": "the probabilities of the tags",
    "backward": "cost, and the gradients of the matrices and of the embeddings in use: forward and backward pass",
    "step": "one step of gradient descent",
}


class OfGroup(Protocol):
    """A case, or what came of one."""

    @property
    def group(self) -> tuple[Any, ...]:
        """What all of a group have in common."""


T = TypeVar("T", bound=OfGroup)


@dataclass(frozen=True)
class Case:
    """One thing to measure; ValueError where a name is not among those below, or a size is not positive."""

    model: str  # one of `MODELS`
    implementation: str  # one of `IMPLEMENTATIONS` or `PLANS`
    device: str  # "cpu", "cuda", "cuda1", "opencl0:0"
    dtype: str  # "float32" or "float64"
    work: str  # one of `WORKS`
    n_hidd: int
    batch: int  # sentences; one alone is a vector
    length: int = 10  # words in each
    n_words: int = 4786
    n_emb: int = 50
    n_tags: int = 12

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  see `records`

    def __post_init__(self) -> None:
        every = {"model": MODELS, "implementation": IMPLEMENTATIONS | PLANS, "dtype": DTYPES, "work": WORKS}
        for name, known in every.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {quoted(getattr(self, name))}")
        if not re.fullmatch(r"cpu|cuda[0-9]{0,3}|opencl[0-9]{1,3}:[0-9]{1,3}", self.device):
            raise ValueError(f"device must be cpu, cuda, cuda0, ... or opencl0:0, got {self.device!r}")
        for name in ("n_hidd", "batch", "length", "n_words", "n_emb", "n_tags"):
            size = getattr(self, name)
            if not 1 <= size < 2**31:
                raise ValueError(f"{name} must be {'positive' if size < 1 else 'below 2**31'}, got {quoted(size)}")

    @property
    def lane(self) -> tuple[str, str, str]:
        """What a worker is for: implementation, device and dtype."""
        return self.implementation, self.device, self.dtype

    @property
    def group(self) -> tuple[Any, ...]:
        """All but implementation and device: cases of one group do the same work and are compared."""
        own = ("implementation", "device")
        return tuple(value for name, value in asdict(self).items() if name not in own)

    @property
    def sizes(self) -> Sizes:
        """Those of the tagger."""
        return Sizes(self.n_words, self.n_emb, self.n_hidd, self.n_tags)

    @property
    def backend(self) -> str:
        """That of the library's model: the plans are ways of "fused"."""
        return "fused" if self.implementation in PLANS else self.implementation

    @property
    def layer(self) -> str:
        """The kind of its recurrent layer, "rnn" or "lstm"."""
        return self.model.partition("-")[0]

    @property
    def peepholes(self) -> bool:
        """Whether it has the matrix W_c: PyTorch's own LSTM has none."""
        return self.model == "lstm" and self.implementation != "torch-fused"

    @property
    def same_work(self) -> bool:
        """Whether it does what the model says: PyTorch's own LSTM leaves out the peepholes."""
        return self.model != "lstm" or self.peepholes

    def __str__(self) -> str:
        return (
            f"{self.model} {self.work}, hidden {self.n_hidd}, batch {self.batch}, length {self.length}, {self.dtype}: "
            f"{self.implementation} on {self.device}"
        )


@dataclass(frozen=True)
class Shape:
    """The sizes of one group of cases, for one model."""

    model: str
    n_hidd: int
    batch: int
    length: int = 10


def grid(models: Iterable[str], hidden: Iterable[int], batches: Iterable[int], lengths: Iterable[int]) -> list[Shape]:
    """Every combination, small ones first; those of one hidden size, which share compiled functions, together."""
    every = product(sorted(set(hidden)), models, sorted(set(lengths)), sorted(set(batches)))
    return [Shape(model, n_hidd, batch, length) for n_hidd, model, length, batch in every]


# https://github.com/baidu-research/DeepBench, code/kernels/rnn_problems.h, its training set without the GRUs: hidden
# units, batch, time steps. There the layer alone is timed, and its input is added without a product (cuDNN's
# CUDNN_SKIP_INPUT); here the tagger around it has embeddings of 50 dimensions, a small product.
DEEPBENCH = [Shape("rnn", n_hidd, batch, 50) for n_hidd in (1760, 2048, 2560) for batch in (16, 32, 64, 128)]
DEEPBENCH += [Shape("lstm", n_hidd, batch, 25) for n_hidd in (512, 1024, 2048, 4096) for batch in (16, 32, 64, 128)]
DEEPBENCH += [Shape("lstm", 1536, batch, 50) for batch in (8, 16, 32)]
DEEPBENCH += [Shape("lstm", 256, batch, 150) for batch in (16, 32, 64)]


@dataclass(frozen=True)
class CaseSet:
    """A named set of cases: shapes, kinds of work, and what is measured and compared where nothing else is said."""

    shapes: Sequence[Shape]
    works: tuple[str, ...]
    implementations: Sequence[str] = tuple(IMPLEMENTATIONS)
    devices: Sequence[str] = ("cpu", "cuda")
    baseline: str = "numpy"


# on both sides of the bounds that `gpu_plans` has
PLANS_AT = grid(("rnn",), (128, 256, 384, 512, 768, 1024), (1, 16, 128), (10,))
PLANS_AT += grid(("lstm",), (64, 128, 192, 256, 384, 512), (1, 16, 128), (10,))

SETS = {
    "quick": CaseSet(grid(MODELS, (20, 128, 512), (1, 16, 128), (10,)), ("forward", "backward")),
    "full": CaseSet(grid(MODELS, (20, 50, 128, 256, 512, 1024), (1, 4, 16, 64, 256), (10, 30)), tuple(WORKS)),
    "deepbench": CaseSet(DEEPBENCH, ("forward", "backward")),
    "ratios": CaseSet(grid(MODELS, (20,), (1, 32), (10,)), ("step",)),
    "plans": CaseSet(PLANS_AT, ("backward",), tuple(PLANS), ("cuda",), "stepwise"),
}


def sizes(what: str, given: str) -> list[int]:
    """Return the numbers in "20,128"; ValueError, which names `what`, unless they are positive integers."""
    values = given.split(",")
    if not all(re.fullmatch(r" *[0-9]{1,9} *", value) and int(value) > 0 for value in values):
        raise ValueError(f"{what} takes positive numbers separated by commas, got {quoted(given)}")
    return [int(value) for value in values]


def chosen_shapes(
    chosen: CaseSet, models: Sequence[str], hidden: Sequence[int], batches: Sequence[int], lengths: Sequence[int]
) -> list[Shape]:
    """Return the shapes of a set for these models; with sizes given, every combination of them and of the set's."""
    shapes = [shape for shape in chosen.shapes if shape.model in models]
    if not (hidden or batches or lengths):
        return shapes
    return grid(
        models,
        hidden or [shape.n_hidd for shape in shapes],
        batches or [shape.batch for shape in shapes],
        lengths or [shape.length for shape in shapes],
    )


def make_cases(
    shapes: Iterable[Shape],
    works: Iterable[str],
    implementations: Sequence[str] = tuple(IMPLEMENTATIONS),
    devices: Sequence[str] = ("cpu",),
    dtypes: Iterable[str] = ("float32",),
    n_words: int = 4786,
) -> list[Case]:
    """Return the cases of every shape, group by group; NumPy has the CPU alone, the plans a GPU."""
    places = [
        (name, device)
        for device in devices
        for name in implementations
        if name not in (PLANS if device == "cpu" else ("numpy",))
    ]
    return [
        Case(shape.model, implementation, device, dtype, work, shape.n_hidd, shape.batch, shape.length, n_words)
        for dtype, shapes_of_one in product(list(dtypes), _by_function(shapes))
        for work in works
        for shape in shapes_of_one
        for implementation, device in places
    ]


def groups(found: Iterable[T]) -> list[list[T]]:
    """Put together the cases, or the rows, of one group: those that follow each other and are compared."""
    return [list(members) for _, members in groupby(found, key=lambda one: one.group)]


def scan_last(cases: Iterable[Case]) -> list[Case]:
    """Put the cases of scan behind all others: it compiles for longer than all of them together."""
    return sorted(cases, key=lambda case: case.implementation == "scan")


def _by_function(shapes: Iterable[Shape]) -> list[list[Shape]]:
    """Put together the shapes that one compiled function serves."""
    groups: dict[tuple[str, int], list[Shape]] = {}
    for shape in shapes:
        groups.setdefault((shape.model, shape.n_hidd), []).append(shape)
    return list(groups.values())
