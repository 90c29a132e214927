"""Cases of the benchmark, and the named sets of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, product
from operator import attrgetter
from typing import Any, TypeVar

from lxmls_rnn.deep_learning.frameworks import BACKENDS
from lxmls_rnn.deep_learning.parameters import DTYPES, Sizes
from lxmls_rnn.storage.messages import quoted

CASE_MODELS = {
    "rnn": "Simple recurrent, with tanh",
    "lstm": "Long short-term memory with peepholes",
    "lstm-no-peepholes": "Long short-term memory without peepholes, as PyTorch's",
}
IMPLEMENTATIONS = {backend: description for backend, (_, description) in BACKENDS.items()}
WORKS = {
    "forward": "the probabilities of the tags",
    "backward": "cost, and the gradients of the matrices and of the embeddings in use: forward and backward pass",
    "step": "one step of gradient descent",
    "copy": "on a GPU: the inputs to the card and the probabilities back; every other work includes its own copies",
}
DECIDING_WORKS = ("step", "backward", "forward")  # verdicts are about the first that was measured
MAX_SIZE = 2**31 - 1
DEVICES = "cpu|cuda[0-9]{0,3}"

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """One measurement; ValueError if a name is unknown, or a size is not positive or not below 2**31."""

    model: str  # one of `CASE_MODELS`
    implementation: str  # one of `IMPLEMENTATIONS`
    device: str  # one of `DEVICES`
    dtype: str  # "float32" or "float64"
    work: str  # one of `WORKS`
    n_hidd: int
    batch: int  # number of sentences; a single sentence is passed as a vector
    length: int = 10  # words in each sentence
    n_words: int = 4786
    n_emb: int = 50
    n_tags: int = 12

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  see `records`

    def __post_init__(self) -> None:
        every = {"model": CASE_MODELS, "implementation": IMPLEMENTATIONS, "dtype": DTYPES, "work": WORKS}
        for name, known in every.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {quoted(getattr(self, name))}")
        check_device(self.device)
        for name in ("n_hidd", "batch", "length", "n_words", "n_emb", "n_tags"):
            size = getattr(self, name)
            if not 1 <= size <= MAX_SIZE:
                raise ValueError(f"{name} must be {'positive' if size < 1 else 'below 2**31'}, got {quoted(size)}")

    @property
    def lane(self) -> tuple[str, str, str]:
        """The key of the worker that measures this case: implementation, device and dtype."""
        return self.implementation, self.device, self.dtype

    @property
    def group(self) -> tuple[Any, ...]:
        """All fields but implementation and device: the cases of a group do the same work and are compared."""
        compared = ("implementation", "device")
        return tuple(value for name, value in asdict(self).items() if name not in compared)

    @property
    def sizes(self) -> Sizes:
        """The sizes of the tagger."""
        return Sizes(self.n_words, self.n_emb, self.n_hidd, self.n_tags)

    @property
    def layer(self) -> str:
        """The kind of the recurrent layer, "rnn" or "lstm"."""
        return self.model.partition("-")[0]

    @property
    def peepholes(self) -> bool:
        """Whether the layer has peepholes, the matrix W_c. PyTorch's own LSTM has none."""
        return self.model == "lstm" and self.implementation != "torch-fused"

    @property
    def same_work(self) -> bool:
        """Whether the implementation does all the work of the model. PyTorch's own LSTM leaves out the peepholes."""
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
    n_emb: int = 50


def grid(models: Iterable[str], hidden: Iterable[int], batches: Iterable[int], lengths: Iterable[int]) -> list[Shape]:
    """Return every combination, small ones first.

    Shapes of the same hidden size follow each other, because they share compiled functions.
    """
    every = product(sorted(set(hidden)), models, sorted(set(lengths)), sorted(set(batches)))
    return [Shape(model, n_hidd, batch, length) for n_hidd, model, length, batch in every]


# The training set of DeepBench without the GRUs (https://github.com/baidu-research/DeepBench,
# code/kernels/rnn_problems.h): hidden units, batch, time steps. DeepBench times only the layer, and adds its input
# without a matrix product (cuDNN's CUDNN_SKIP_INPUT). This benchmark times the whole tagger, whose embeddings of 50
# dimensions need a small matrix product.
DEEPBENCH = [Shape("rnn", n_hidd, batch, 50) for n_hidd in (1760, 2048, 2560) for batch in (16, 32, 64, 128)]
DEEPBENCH += [
    Shape("lstm-no-peepholes", n_hidd, batch, 25) for n_hidd in (512, 1024, 2048, 4096) for batch in (16, 32, 64, 128)
]
DEEPBENCH += [Shape("lstm-no-peepholes", 1536, batch, 50) for batch in (8, 16, 32)]
DEEPBENCH += [Shape("lstm-no-peepholes", 256, batch, 150) for batch in (16, 32, 64)]


@dataclass(frozen=True)
class CaseSet:
    """A named set of cases: shapes, kinds of work, implementations, and limits."""

    shapes: Sequence[Shape]
    works: tuple[str, ...]
    implementations: tuple[str, ...] = tuple(IMPLEMENTATIONS)
    scan_on_gpu: Shape | None = None  # the one shape at which scan is measured on a GPU; None for all


BY_IMPORTANCE = (*DECIDING_WORKS, "copy")  # a run that is stopped early has measured the first
SETS = {
    "quick": CaseSet(
        [Shape(model, n_hidd, batch) for n_hidd in (20, 128) for model in ("rnn", "lstm") for batch in (32, 1, 128)],
        BY_IMPORTANCE,
        scan_on_gpu=Shape("rnn", 20, 32),  # in the middle
    ),
    "full": CaseSet(grid(CASE_MODELS, (20, 50, 128, 256, 512, 1024), (1, 4, 16, 64, 256), (10, 30)), BY_IMPORTANCE),
    "deepbench": CaseSet(DEEPBENCH, ("forward", "backward")),
}


def chosen_shapes(
    chosen: CaseSet, models: Sequence[str], hidden: Sequence[int], batches: Sequence[int], lengths: Sequence[int]
) -> list[Shape]:
    """Return the shapes of a set for these models.

    If any sizes are given, return every combination of them; the set's sizes are used where none are given.
    """
    shapes = [shape for shape in chosen.shapes if shape.model in models]
    if not (hidden or batches or lengths):
        return shapes
    return grid(
        models,
        hidden or [shape.n_hidd for shape in shapes],
        batches or [shape.batch for shape in shapes],
        lengths or [shape.length for shape in shapes],
    )


def check_device(device: str) -> None:
    """Raise ValueError if the name of a device does not match the pattern `DEVICES`."""
    if not re.fullmatch(DEVICES, device):
        raise ValueError(f"device must be cpu, cuda, cuda0, ..., got {device!r}")


def make_cases(
    shapes: Iterable[Shape],
    works: Iterable[str],
    implementations: Sequence[str] = tuple(IMPLEMENTATIONS),
    devices: Sequence[str] = ("cpu",),
    dtypes: Iterable[str] = ("float32",),
    n_words: int = 4786,
    scan_on_gpu: Shape | None = None,
) -> list[Case]:
    """Return the cases, kind of work by kind of work, and of each shape as a group.

    NumPy runs only on the CPU; the work "copy" only on a GPU; scan on a GPU only at the shape `scan_on_gpu`, if there
    is one. Shapes of the same model and hidden size share compiled functions; they should follow each other.
    """
    for device in devices:
        check_device(device)

    def is_measured(work: str, shape: Shape, implementation: str, device: str) -> bool:
        if device == "cpu":
            return work != "copy"
        return implementation != "scan" or scan_on_gpu in (None, shape)

    places = [(name, device) for device in devices for name in implementations if device == "cpu" or name != "numpy"]
    shapes = list(shapes)
    return [
        Case(**vars(shape), implementation=implementation, device=device, dtype=dtype, work=work, n_words=n_words)
        for dtype in dtypes
        for work in works
        for shape in shapes
        for implementation, device in places
        if is_measured(work, shape, implementation, device)
    ]


def groups(items: Iterable[T]) -> list[list[T]]:
    """Split cases or rows into their groups; the members of a group must follow each other."""
    return [list(members) for _, members in groupby(items, key=attrgetter("group"))]
