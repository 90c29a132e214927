"""Fill Theano's compile cache with what README and the first notebooks use of the lab's models.

That is the gradients of all activations and the training by single sentences, in the dtype that a model has by default.
All else, such as batches or clipping on the CPU, compiles at its first use.

The build of the image runs this for the device in LXMLS_DEVICE. A C module in the cache depends on the graph, the types
and the number of dimensions, but not on sizes or on the GPU, so small models and short sentences suffice.
"""

import itertools
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np

from lxmls_rnn.deep_learning.frameworks import THEANO
from lxmls_rnn.deep_learning.models import MODELS, model_class
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.teaching.gradient_check import check_gradients

DEVICE = os.environ["LXMLS_DEVICE"]
DTYPE = "float32" if DEVICE == "cuda" else "float64"  # which a model has unless told otherwise
# Batch size, clipping and freezing: a GPU has other kernels for each.
TRAININGS = list(itertools.product((1, 2), (None, 1.0), (False, True))) if DEVICE == "cuda" else [(1, None, False)]


def warm(name: str) -> None:
    """Compile this model's gradients in all its kinds, and the training of the default one."""
    # first: of a function that lacks many modules, many are compiled in parallel
    for _ in check_gradients([name], dtype=DTYPE):
        pass
    model = model_class(name)(5, 4, 3, 3, seed=1, dtype=DTYPE)
    sentences = [SimpleNamespace(x=np.array(x, "int32"), y=np.array(x[::-1], "int32")) for x in ([1, 2, 0], [0, 1, 2])]
    for batch_size, clip, freeze in TRAININGS:
        trainer = Trainer(epochs=1, batch_size=batch_size, clip=clip, freeze_embeddings=freeze)
        for _ in trainer.fit(model, sentences, sentences):
            pass


def main() -> None:
    """Warm the cache for the model in the arguments; without arguments for each model, in its own process."""
    if sys.argv[1:]:
        warm(sys.argv[1])
        return
    start = time.monotonic()

    def in_a_process(name: str) -> None:
        if subprocess.run([sys.executable, __file__, name]).returncode != 0:
            sys.exit(f"warm: {name} failed")
        print(f"warm: {name} on {DEVICE} after {time.monotonic() - start:.0f} s", flush=True)

    # FastLSTM, which waits for the compiler, runs next to LSTM, which waits for Python: one process compiles at a time.
    names = [name for name, model in MODELS.items() if model.framework is THEANO]
    names.sort(key=lambda name: name.removeprefix("Fast"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(in_a_process, names))


if __name__ == "__main__":
    main()
