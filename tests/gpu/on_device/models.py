"""The models on a device: where they run, NumPy's numbers, and its cost after an epoch."""

import inspect
from collections import Counter

import numpy as np
import pytest
from theano.gpuarray.basic_ops import GpuFromHost, HostFromGpu
from theano.gpuarray.type import GpuArrayType
from theano.tensor import DimShuffle, Reshape

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import models
from lxmls_rnn.deep_learning.ops.gpu.descent import GpuDescend
from lxmls_rnn.deep_learning.ops.gpu.rows import GpuAddRows
from lxmls_rnn.deep_learning.ops.gpu.transfers import GpuFetch
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.readers.pos_corpus import PostagCorpus, train_vocabulary

NAMES = ["FastRNN", "FastLSTM", "RNN", "LSTM"]
WITHOUT = "FastLSTM without peepholes"


def class_and_options(name):
    """Return a model's name and the options with which it is made."""
    return ("FastLSTM", {"peepholes": False}) if name == WITHOUT else (name, {})


@pytest.fixture(scope="module", params=[*NAMES, WITHOUT])
def pair(request):
    """A float32 model on the device and a float64 one of NumPy's, with the same numbers."""
    name, options = class_and_options(request.param)
    model = models.model_class(name)(60, 7, 37, 5, seed=3, dtype="float32", **options)
    double = {W: value.astype("float64") for W, value in model.get_values().items()}
    return model, models.build(models.numpy_class(name), model.sizes, double, model.activation, "float64")


@pytest.fixture(scope="module")
def corpus():
    """Return the first sentences of the sample corpus."""
    train, _ = train_vocabulary(*(PostagCorpus().read_sequence_list_conll(file) for file in corpus_files("sample")[:2]))
    return list(train)[:300], len(train.x_dict), len(train.y_dict)


def function_of(step):
    return inspect.getclosurevars(step).nonlocals["function"]


@pytest.mark.parametrize("kind", ["FastRNN", "FastLSTM", WITHOUT])
@pytest.mark.parametrize("batched", [False, True])
def test_a_training_step_moves_word_ids_in_and_a_cost_out(kind, batched):
    name, options = class_and_options(kind)
    model = models.model_class(name)(60, 7, 37, 5, **options)
    assert all(type(W).__name__ == "GpuArraySharedVariable" for W in model.param)
    nodes = function_of(model.make_step(batched=batched)).maker.fgraph.toposort()
    layer = models.MODELS[name].family + "Layer"
    used = Counter(type(node.op).__name__ for node in nodes)
    assert used["RowIndex"] == used["GpuTakeRows"] == used["GpuAddRows"] == used["GpuDescend"] == 1
    assert used[f"Gpu{layer}"] == used[f"Gpu{layer}Grad"] == used["GpuSoftmaxCost"] == 1
    assert used["GpuUpload"] == used["GpuFetch"] == 1
    assert isinstance(nodes[-1].op, GpuFetch)  # when the device has all its work
    assert not any(isinstance(node.op, GpuFromHost | HostFromGpu) for node in nodes)
    assert all(node.op.inplace for node in nodes if isinstance(node.op, GpuAddRows | GpuDescend))
    for node in nodes:  # what is left to the CPU are shapes, and the order of words and tags before their upload
        on_cpu = not any(isinstance(v.type, GpuArrayType) for v in [*node.inputs, *node.outputs])
        if on_cpu and not isinstance(node.op, DimShuffle | Reshape):
            assert all(v.dtype == "int64" or v.ndim == 0 or v.owner is None for v in node.inputs)


def test_forward_and_every_gradient_are_numpys(pair):
    model, numpys = pair
    rng = np.random.RandomState(0)
    for length in (1, 2, 30):
        x, y = rng.randint(0, 60, length), rng.randint(0, 5, length)
        assert np.abs(np.asarray(model.forward(x)) - numpys.forward(x)).max() <= 1e-4
        for got, expected in zip(model.grads(x, y), numpys.grads(x, y), strict=True):
            assert np.abs(np.asarray(got) - expected).max() <= 1e-4 * max(np.abs(expected).max(), 1e-3)
    x = rng.randint(0, 60, (4, 9))
    assert np.abs(np.asarray(model.forward(x)) - numpys.forward(x)).max() <= 1e-4


@pytest.mark.parametrize("kind", [*NAMES, WITHOUT])
@pytest.mark.parametrize("settings", [{}, {"batch_size": 8, "clip": 0.5}, {"batch_size": 8}], ids=str)
def test_an_epoch_costs_what_it_costs_on_the_cpu(corpus, kind, settings):
    sentences, n_words, n_tags = corpus
    name, options = class_and_options(kind)
    costs = {}
    for cls, dtype in ((models.model_class(name), "float32"), (models.numpy_class(name), "float64")):
        model = cls(n_words, 10, 15, n_tags, seed=1, dtype=dtype, **options)
        # from the weights as drawn an LSTM's gradients explode: the rounding of float32 alone moves its cost by 1e-3
        model.set_values({W: value / 2 for W, value in model.get_values().items()})
        events = Trainer(epochs=1, rate=0.1, **settings).fit(model, sentences)
        costs[dtype] = next(event.cost for event in events if isinstance(event, EpochDone))
    assert costs["float32"] == pytest.approx(costs["float64"], rel=1e-5)
