"""Settings of a benchmark: its cases, and the time that they may take."""

from __future__ import annotations

from dataclasses import dataclass

from lxmls_rnn.benchmark.measure import cases as c
from lxmls_rnn.benchmark.measure.results import MAX_CASES
from lxmls_rnn.benchmark.measure.runner import LIMIT_SECONDS, SECONDS, Runner
from lxmls_rnn.deep_learning.parameters import DTYPES
from lxmls_rnn.settings import check, described, setting

OF_SET = "those of the set"
DEVICE_TOOLTIPS = {"cpu": "The processor", "cuda": "The first NVIDIA GPU"}


@described
@dataclass(frozen=True)
class BenchmarkSettings:
    """Cases to measure, chosen from a named set or by their sizes, and the time that they may take.

    If any of `hidden`, `batch` and `length` is given, every combination of the sizes is measured; the set's sizes are
    used where none are given.
    """

    set: str = setting("quick", "Sizes", "Named set of sizes: {choices}", choices=tuple(c.SETS))
    model: tuple[str, ...] | None = setting(
        None, "Models", "Models to time: {choices}", choices=c.CASE_MODELS, none="all of the set"
    )
    implementation: tuple[str, ...] | None = setting(
        None,
        "Implementations",
        "Implementations: {choices}",
        choices=c.IMPLEMENTATIONS,
        none="all",
    )
    device: tuple[str, ...] | None = setting(
        None,
        "Devices",
        "Devices: cpu, cuda, cuda1",
        choices=DEVICE_TOOLTIPS,
        test=c.check_device,
        none="cpu and cuda",
    )
    work: tuple[str, ...] | None = setting(None, "Work", "Kinds of work: {choices}", choices=c.WORKS, none=OF_SET)
    dtype: tuple[str, ...] = setting(
        ("float32",), "Data types", "Data type of the parameters: {choices}", choices=DTYPES
    )
    hidden: tuple[int, ...] | None = setting(
        None, "Hidden units", "Hidden sizes, separated by commas: 20,128", least=1, most=c.MAX_SIZE, none=OF_SET
    )
    batch: tuple[int, ...] | None = setting(
        None, "Batch", "Batch sizes in sentences, separated by commas", least=1, most=c.MAX_SIZE, none=OF_SET
    )
    length: tuple[int, ...] | None = setting(
        None, "Words", "Sentence lengths in words, separated by commas", least=1, most=c.MAX_SIZE, none=OF_SET
    )
    words: int = setting(4786, "", "Words in the vocabulary", least=1, most=c.MAX_SIZE)
    threads: int | None = setting(
        None,
        "Threads",
        "CPU threads of BLAS, the fused layers and PyTorch",
        least=1,
        none="one per core",
    )
    time: float = setting(
        SECONDS, "Seconds per case", "Measuring time for each case in seconds, without compiling", is_positive=True
    )
    limit: float = setting(
        LIMIT_SECONDS,
        "",
        "Seconds that a case may take, compiling included; without six repeats by then it is uncertain",
        is_positive=True,
    )

    def __post_init__(self) -> None:
        check(self)

    def cases(self) -> list[c.Case]:
        """Return the cases; ValueError if there is none, or more than `MAX_CASES`."""
        chosen = c.SETS[self.set]
        sizes = self.hidden or (), self.batch or (), self.length or ()
        models = self.model or tuple(c.CASE_MODELS)
        shapes = c.chosen_shapes(chosen, models, *sizes)
        if not shapes:
            raise ValueError(f"nothing to measure: the set {self.set} has no sizes for {', '.join(models)}")
        cases = c.make_cases(
            shapes,
            self.work or chosen.works,
            self.implementation or chosen.implementations,
            self.device or ("cpu", "cuda"),
            self.dtype,
            self.words,
            None if self.implementation else chosen.scan_on_gpu,
        )
        if not cases:
            raise ValueError("nothing to measure: NumPy runs only on the CPU, the work copy only on a GPU")
        if len(cases) > MAX_CASES:
            raise ValueError(
                f"{len(cases):,} cases are too many for a results file, which holds {MAX_CASES:,}: choose fewer"
            )
        return cases

    def runner(self) -> Runner:
        """Return a runner with these limits."""
        return Runner(self.threads, self.time, self.limit)
