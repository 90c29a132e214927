"""Fill Theano's compile cache with the modules of the lab's models, so that a new container need not compile them.

Only of the models in the dtype that they have by default: the other one compiles at its first use.

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

SENTENCES = [([1, 2, 3], [0, 1, 2]), ([4, 1, 2], [2, 1, 0])]
DEVICE = os.environ["LXMLS_DEVICE"]
DTYPE = "float32" if DEVICE == "cuda" else "float64"  # which a model has unless told otherwise


def warm(name: str) -> None:
    """Compile all functions of this model that students use: gradients, predictions and all kinds of training."""
    sentences = [SimpleNamespace(x=np.array(x, "int32"), y=np.array(y, "int32")) for x, y in SENTENCES]
    x, y = sentences[0].x, sentences[0].y
    model_type = model_class(name)
    kinds = [{"activation": activation} for activation in model_type.activations]
    kinds += [{"peepholes": False}] if MODELS[name].family == "LSTM" else []
    for kind in kinds:
        model = model_type(5, 4, 3, 3, seed=1, dtype=DTYPE, **kind)
        model.grads(x, y)  # first: of a function that lacks many modules, many are compiled in parallel
        model.forward(x)
        model.forward(np.array([x, x]))
        for batch_size, clip, freeze in trainings(name) if kind == kinds[0] else [(2, None, False)]:
            trainer = Trainer(epochs=1, batch_size=batch_size, clip=clip, freeze_embeddings=freeze)
            for _ in trainer.fit(model, sentences, sentences):
                pass


def trainings(name: str) -> list[tuple[int, float | None, bool]]:
    """Return values of batch size, clipping and freezing for which training compiles all modules it can need."""
    if DEVICE == "cuda":
        return list(itertools.product((1, 2), (None, 1.0), (False, True)))
    # on the CPU other values need no other modules, and the modules outside the layer are the same for all models
    return [(2, None, False), (1, 1.0, False), *([(1, None, False), (1, 1.0, True)] if name == "RNN" else [])]


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
