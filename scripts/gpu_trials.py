"""Measure what `lxmls-rnn bench` does not: whole trainings, compiling kernels, two trainings at once, copies alone.

    python scripts/gpu_trials.py training|compiling|together|copies --out FILE [--small]

The results are one JSON object, written anew after each part, so that a stopped measurement keeps what it has.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from lxmls_rnn.device import libraries
from lxmls_rnn.device.problems import index
from lxmls_rnn.storage.files import write_atomically

GPU = os.environ.get("LXMLS_DEVICE", "cuda")
REAL = ["--n-emb", "64", "--n-hidd", "256", "--batch-size", "32", "--init", "glorot"]  # uniform01 diverges
SMALL = ["--n-hidd", "5", "--max-nr-sent", "32", "--batch-size", "8"]
SIZES = [2**power for power in range(12, 28, 3)]  # bytes: 4 KB to 128 MB
REPEATS = 20
FEW_SIZES, FEW_REPEATS = SIZES[:2], 3


class Training:
    """A training of `lxmls-rnn train` in a process of its own, in float32."""

    def __init__(self, folder: str, device: str, model: str, epochs: int, *options: str, **environ: str) -> None:
        self.run, self.device, self.epochs = Path(folder, f"{model}-{device}-{len(os.listdir(folder))}"), device, epochs
        self.run.mkdir()
        command = [Path(sys.prefix, "bin", "lxmls-rnn"), "train", "sample", "--model", model, "--epochs", str(epochs)]
        command += ["--dtype", "float32", "--root", self.run, "--name", "run", *options]
        self.start = perf_counter()
        self.process = subprocess.Popen(
            command, env={**os.environ, "LXMLS_DEVICE": device, **environ}, stdout=sys.stderr, stdin=subprocess.DEVNULL
        )

    def wait(self) -> dict[str, Any]:
        """Wait for the end, and return metrics; RuntimeError if the training failed."""
        if self.process.wait():
            raise RuntimeError(f"the training on {self.device} ended with exit status {self.process.returncode}")
        seconds = perf_counter() - self.start
        epochs = [json.loads(line) for line in (self.run / "run" / "metrics.jsonl").read_text().splitlines()]
        return {
            "device": self.device,
            "seconds": seconds,
            "words_per_second": median(epoch["words_per_second"] for epoch in epochs[1:]),  # the first one compiles
            "loss": epochs[0]["cost"],
            "accuracy": epochs[-1]["dev_accuracy"],
        }


def training(small: bool) -> Iterator[dict[str, Any]]:
    """Train both layers on the GPU and on the CPU; `difference` is of the losses of the first epoch, relative."""
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        for model in ("FastRNN", "FastLSTM"):
            runs = [
                Training(folder, device, model, 3 if small else 10, *options(small)).wait() for device in (GPU, "cpu")
            ]
            difference = abs(runs[0]["loss"] / runs[1]["loss"] - 1)
            found[model] = {"runs": runs, "difference": difference, "same": difference <= 1e-5}
            yield found


def options(small: bool) -> list[str]:
    """Return the options of a training that has something to do, or of a small one."""
    return SMALL if small else REAL


def compiling(small: bool) -> Iterator[dict[str, Any]]:
    """Train without compiled kernels, then with those of the first training; the difference is what compiling takes."""
    found: dict[str, Any] = {}
    for model in ("FastRNN", "FastLSTM", *([] if small else ["RNN", "LSTM"])):
        with TemporaryDirectory() as folder, TemporaryDirectory() as kernels, TemporaryDirectory() as driver:
            flags = ",".join(filter(None, [os.environ.get("THEANO_FLAGS"), f"gpuarray.cache_path={kernels}"]))
            environ = {"THEANO_FLAGS": flags, "CUDA_CACHE_PATH": driver}
            few = ["--max-nr-sent", "8"]
            Training(folder, GPU, model, 2, *few).wait()  # compiles the C code
            cold, warm = (Training(folder, GPU, model, 2, *few, **environ).wait()["seconds"] for _ in range(2))
            files = sum(file.is_file() for file in Path(kernels).rglob("*"))
            found[model] = {"cold": cold, "warm": warm, "kernels": files}
            yield found


def together(small: bool) -> Iterator[dict[str, Any]]:
    """Train alone, then two at once, each in a process."""
    epochs = 4 if small else 30
    with TemporaryDirectory() as folder:
        found: dict[str, Any] = {"alone": Training(folder, GPU, "FastLSTM", epochs, *options(small)).wait()}
        yield found
        both = [Training(folder, GPU, "FastLSTM", epochs, *options(small)) for _ in range(2)]
        found["together"] = [each.wait() for each in both]
        yield found


def copies(small: bool) -> Iterator[dict[str, Any]]:
    """Copy arrays to the GPU and back; seconds are the median of a copy and its wait."""
    pygpu = libraries.import_pygpu()
    context = pygpu.init(f"cuda{index(GPU)}")
    found: dict[str, Any] = {"copies": []}
    for size in FEW_SIZES if small else SIZES:
        there = np.zeros(size // 4, "float32")
        here = pygpu.array(there, context=context)

        def to_gpu(there: Any = there) -> None:
            pygpu.array(there, context=context).sync()

        times = [
            timed(call, FEW_REPEATS if small else REPEATS) for call in (to_gpu, lambda here=here: np.asarray(here))
        ]
        found["copies"].append({"bytes": size, "to_gpu": times[0], "from_gpu": times[1]})
        yield found


def timed(call: Callable[[], object], repeats: int) -> float:
    """Return the median of the seconds that a call takes."""
    seconds = []
    for _ in range(repeats + 1):
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return median(seconds[1:])


TRIALS = {trial.__name__: trial for trial in (training, compiling, together, copies)}


def main() -> None:
    """Run a trial and write its results."""
    parser = argparse.ArgumentParser(prog="scripts/gpu_trials.py", description=__doc__.splitlines()[0])
    parser.add_argument("trial", choices=TRIALS)
    parser.add_argument("--out", type=Path, required=True, help="the results file")
    parser.add_argument("--small", action="store_true", help="sizes for the emulated device")
    chosen = parser.parse_args()
    for found in TRIALS[chosen.trial](chosen.small):
        write_atomically(chosen.out, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
