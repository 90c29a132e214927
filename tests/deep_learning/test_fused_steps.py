"""Many steps of FastRNN and FastLSTM in one call: the numbers of one step at a time, of the graph, of NumPy."""

from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import theano

from lxmls_rnn.deep_learning import models, theano_fast
from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.training import EpochDone, Stopped, Trainer
from lxmls_rnn.deep_learning.update_rule import Descent
from lxmls_rnn.theano_env import flags

SIZES = 12, 5, 4, 3
MODELS = [("RNN", {"activation": activation}) for activation in OF_RNN]
MODELS += [("LSTM", {"peepholes": peepholes}) for peepholes in (True, False)]
WAYS = [
    {},
    {"clip": 0.3, "decay": 0.5, "shuffle": True},
    {"clip": 0.3, "freeze_embeddings": True},
    {"freeze_embeddings": True, "batch_size": 3},
    {"batch_size": 4, "clip": 0.1},
]
AT_ONCE = [("float64", MODELS[0]), ("float32", MODELS[1]), ("float64", MODELS[-2])]
another_step = pytest.mark.nightly("the same as AT_ONCE, of another layer or type")
TOLERANCE = {"float64": 1e-12, "float32": 2e-5}


@pytest.fixture(scope="module", autouse=True)
def optimised():
    """Compile the C++ code as users do, with the optimiser, which the Makefile spares other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("THEANO_FLAGS", raising=False)
        patch.setattr(theano.config.gcc, "cxxflags", flags.settings().get("gcc.cxxflags", ""))
        yield


def corpus(n, seed=0):
    """Make sentences of 1 to 8 words, of which many come twice."""
    rng = np.random.RandomState(seed)
    lengths = rng.randint(1, 9, n)
    return [SimpleNamespace(x=rng.randint(0, 12, k, "int32"), y=rng.randint(0, 3, k, "int32")) for k in lengths]


def drawn(name, dtype="float64", **options):
    """Make a model with parameters on both sides of 0."""
    model = models.model_class(name)(*SIZES, dtype=dtype, **options)
    rng = np.random.RandomState(1)
    model.set_values({key: rng.uniform(-0.5, 0.5, W.shape) for key, W in model.get_values().items()})
    return model


def train(trainer, model, *args):
    return list(trainer.fit(model, *args))


def numbers(events):
    return [(e.cost, e.train_accuracy, e.rate) for e in events if isinstance(e, EpochDone)]


def same(a, b):
    return all(np.array_equal(W, b.get_values()[name]) for name, W in a.get_values().items())


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(
    ("family", "options", "dtype"),
    [
        pytest.param(*model, dtype, marks=() if (dtype, model) in AT_ONCE else another_step)
        for model in MODELS
        for dtype in TOLERANCE
    ],
    ids=str,
)
def test_two_epochs_end_with_the_numbers_of_the_numpy_model(family, options, way, dtype):
    fast, bare = drawn(f"Fast{family}", dtype, **options), drawn(f"Numpy{family}", **options)
    trainer = Trainer(epochs=2, rate=0.3, **way)
    got, expected = (numbers(train(trainer, model, corpus(20))) for model in (fast, bare))
    for a, b in zip(got, expected, strict=True):
        assert a == pytest.approx(b, rel=TOLERANCE[dtype])
    for name, W in bare.get_values().items():
        assert np.abs(fast.get_values()[name] - W).max() <= TOLERANCE[dtype]


@pytest.mark.daily("compiles the graphs, a quarter of a minute")
@pytest.mark.parametrize(
    ("name", "clip", "freeze", "batched"),
    [("FastRNN", 0.01, True, False), ("FastLSTM", None, False, True)],
)
def test_a_step_is_that_of_theanos_graph(name, clip, freeze, batched):
    pair = drawn(name), drawn(name)
    x, y = np.array([[3, 1, 4, 1], [3, 9, 0, 0]], "int32"), np.array([[0, 1, 2, 1], [2, 1, 0, 0]], "int32")
    weights = np.array([[1 / 8] * 4, [1 / 4, 1 / 4, 0, 0]])
    arguments = (x, y, weights) if batched else (x[0], y[0], weights[0])
    descent = Descent(clip, freeze)
    fused = pair[0].make_step(descent, batched=batched)
    graph = rnns.RNN.make_step(pair[1], descent, batched=batched)
    for _ in range(3):
        assert fused(*arguments, 0.5) == pytest.approx(graph(*arguments, 0.5), rel=1e-12)
    for name, W in pair[0].get_values().items():
        assert np.abs(W - pair[1].get_values()[name]).max() <= 1e-13


def test_calls_are_short_and_hold_every_batch_once(monkeypatch):
    model, sentences = drawn("FastRNN"), corpus(50)
    size = sum(W.get_value().size for W in model.param[1:])
    monkeypatch.setattr(theano_fast, "MAX_WORK_PER_CALL", 30 * size)
    _, *events, done, _ = train(Trainer(epochs=1), model, sentences)
    ends = [event.batch for event in events]
    assert ends[-1] == sum(event.updates for event in events) == 50
    words = [sum(len(s.x) for s in sentences[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
    assert 1 < len(events) < 20
    assert max(words) < 30 + 8  # what is above 30 is part of a sentence
    assert sum(e.cost * e.updates for e in events) == pytest.approx(done.cost)


@pytest.mark.parametrize("after", [1, 5, 9])
def test_a_training_that_stops_within_an_epoch_goes_on_to_the_same_numbers(monkeypatch, after):
    monkeypatch.setattr(theano_fast, "MAX_WORK_PER_CALL", 1500)
    trainer = Trainer(epochs=2, shuffle=True, seed=3, clip=0.3)
    whole_model, model, resumed_model = drawn("FastRNN"), drawn("FastRNN"), drawn("FastRNN")
    whole = train(trainer, whole_model, corpus(40))
    stream = trainer.fit(model, corpus(40))
    events = list(islice(stream, after + 1))
    stream.close()
    progress = events[-1].progress
    resumed_model.set_values(model.get_values())
    monkeypatch.setattr(theano_fast, "MAX_WORK_PER_CALL", 700)  # cut elsewhere than before
    resumed = train(trainer, resumed_model, corpus(40), None, progress)
    assert numbers(events) + numbers(resumed) == numbers(whole)
    assert same(resumed_model, whole_model)


def test_a_training_resumed_at_the_end_of_an_epoch_makes_no_step_twice():
    trainer, model = Trainer(epochs=1), drawn("FastRNN")
    stream = trainer.fit(model, corpus(5))
    last = list(islice(stream, 2))[-1]
    assert last.batch == last.batches
    before = model.get_values()
    kinds = [type(event) for event in train(trainer, model, corpus(5), None, last.progress)][1:]
    assert kinds == [EpochDone, Stopped]
    assert all(np.array_equal(before[name], W) for name, W in model.get_values().items())


def test_a_cost_that_is_not_finite_ends_the_call_and_is_named():
    model, sentences = drawn("FastRNN"), corpus(20)
    word = next(word for word in range(12) if word not in sentences[0].x)
    W_e = model.param[0].get_value()
    W_e[:, word] = np.nan
    model.param[0].set_value(W_e)
    bad = 1 + next(n for n, sentence in enumerate(sentences) if word in sentence.x)
    assert bad > 1
    with pytest.raises(FloatingPointError, match=rf"became nan in epoch 1, batch {bad}: try a lower rate"):
        train(Trainer(), model, sentences)
    steps = model.make_steps(cut(sentences, 1, "float64"))
    model.set_values(drawn("FastRNN").get_values())
    model.param[0].set_value(W_e)
    ((costs, *_),) = steps(np.arange(20), 0.1)
    assert np.isfinite(costs).tolist() == [True] * (bad - 1) + [False] * (21 - bad)


@pytest.mark.parametrize(("x", "y"), [(12, 0), (-1, 0), (0, 3), (0, -1)])
def test_an_id_out_of_range_is_refused_before_the_step(x, y):
    model = drawn("FastRNN")
    before = model.get_values()
    step = model.make_step()
    with pytest.raises(IndexError, match="outside the 12 words, or a tag outside the 3 tags"):
        step(np.array([1, x], "int32"), np.array([0, y], "int32"), np.full(2, 0.5), 0.1)
    assert all(np.array_equal(before[name], W) for name, W in model.get_values().items())


def test_parameters_in_any_order_of_memory_are_changed():
    usual, other = drawn("FastLSTM"), drawn("FastLSTM")
    for W in other.param:
        turned = np.ascontiguousarray if W.name == "W_e" else np.asfortranarray
        W.set_value(turned(W.get_value()), borrow=True)
    for model in (usual, other):
        train(Trainer(epochs=1), model, corpus(5))
    assert same(usual, other)


def test_shapes_that_do_not_fit_are_refused():
    other = drawn("FastRNN")
    other.param[2].set_value(np.ones((3, 4)))
    for model, tags in ((other, 3), (drawn("FastRNN"), 2)):
        with pytest.raises(ValueError, match="shapes of the inputs do not fit"):
            model.make_step()(np.zeros(3, "int32"), np.zeros(tags, "int32"), np.full(3, 1 / 3), 0.1)


def test_a_step_takes_views_of_any_stride():
    models = drawn("FastRNN"), drawn("FastRNN")
    x, y, weights = np.arange(10, dtype="int32"), np.arange(10, dtype="int32") % 3, np.full(10, 0.2)
    models[0].make_step()(x[::2], y[::2], weights[::2], 0.1)
    models[1].make_step()(x[::2].copy(), y[::2].copy(), weights[::2].copy(), 0.1)
    assert same(*models)


def test_a_model_with_formulas_of_its_own_goes_through_the_graph():
    class Skipping(rnns.FastRNN):
        def _recurrent(self, _z, _h0):
            return 2 * super()._recurrent(_z, _h0)

    assert drawn("FastRNN").has_fused_steps
    assert not Skipping(*SIZES).has_fused_steps
