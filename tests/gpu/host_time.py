"""Time the host's part of a training step on a GPU: the emulated device counts launches and products only.

python tests/gpu/host_time.py [SECONDS]: the median of each model and batch, in microseconds. It needs pygpu and g++.
"""

import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

SIZES = {"n_words": 1000, "n_emb": 50, "n_hidd": 20, "n_tags": 12}
LENGTH = 10
STEPS = 50  # of which one time is taken


def microseconds(name: str, batch: int, clip: float | None, seconds: float) -> float:
    """Return the median of a step's time."""
    from lxmls_rnn.deep_learning.models import model_class
    from lxmls_rnn.deep_learning.update_rule import Descent

    step = model_class(name)(*SIZES.values()).make_step(Descent(clip), batched=batch > 1)
    shape = (batch, LENGTH) if batch > 1 else (LENGTH,)
    x = np.arange(np.prod(shape), dtype="int32").reshape(shape)
    y, weights = x % SIZES["n_tags"], np.ones(shape, "float32")
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(times) < 2:  # the first has what a step does only once
        start = perf_counter()
        for _ in range(STEPS):
            step(x, y, weights, 0.1)
        times.append((perf_counter() - start) / STEPS * 1e6)
    return median(times[1:])


def main() -> None:
    """Build the emulated driver, and time in a process that has it."""
    if "EMULATED_IDLE" not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            build = Path(__file__).parents[2] / "packages" / "cuda_emulator" / "build.sh"
            subprocess.run([build, Path(folder, "libcuda.so")], check=True)
            for name in ("libcublas.so", "libnvrtc.so"):
                Path(folder, name).symlink_to("libcuda.so")
            environ = {"LXMLS_DEVICE": "cuda", "EMULATED_IDLE": "1", "EMULATED_CC": "90", "LD_LIBRARY_PATH": folder}
            environ |= {"OPENBLAS_NUM_THREADS": "1", "THEANO_FLAGS": "gpuarray.cache_path="}
            sys.exit(subprocess.run([sys.executable, __file__, *sys.argv[1:]], env=os.environ | environ).returncode)
    seconds = float(sys.argv[1]) if sys.argv[1:] else 3.0
    for name, (batch, clip) in product(("FastRNN", "FastLSTM"), ((1, None), (32, None), (1, 1.0), (32, 1.0))):
        time = microseconds(name, batch, clip, seconds)
        print(f"{name:8}  batches of {batch:2}{', clipped' if clip else '':9}  {time:4.0f} us", flush=True)


if __name__ == "__main__":
    main()
