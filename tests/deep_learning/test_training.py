"""The trainer: the guide's numbers, batches, orders, clipping, early stopping, going on, bad settings."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn.deep_learning import models, training
from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Progress, Started, Stopped, Trainer

SIZES = 12, 5, 4, 3


def corpus(n, seed=0):
    """Make sentences whose tags follow from the word and the one before it."""
    rng = np.random.RandomState(seed)
    sentences = []
    for _ in range(n):
        x = rng.randint(0, 12, rng.randint(2, 9)).astype("int32")
        sentences.append(SimpleNamespace(x=x, y=((x + np.append(0, x[:-1])) % 3).astype("int32")))
    return sentences


def train(trainer, model, *args, **kwargs):
    return list(trainer.fit(model, *args, **kwargs))


def epochs(events):
    return [event for event in events if isinstance(event, EpochDone)]


def test_the_stream_tells_everything_that_happens():
    events = train(Trainer(epochs=2), rnns.NumpyRNN(*SIZES, seed=0), corpus(5), corpus(2, seed=1))
    kinds = [type(event) for event in events]
    assert kinds == [Started, *[BatchDone] * 5, EpochDone, *[BatchDone] * 5, EpochDone, Stopped]
    assert [e.batch for e in events if isinstance(e, BatchDone)] == [1, 2, 3, 4, 5] * 2
    assert events[-1].reason == "all 2 epochs done"


def test_the_beginning_and_each_event_say_how_much_there_is_to_do():
    sentences = corpus(5)
    started, *events, _ = train(Trainer(epochs=1, batch_size=2), rnns.NumpyRNN(*SIZES, seed=0), sentences)
    words = sum(len(sentence.x) for sentence in sentences)
    assert (started.epochs, started.batches, started.sentences, started.words) == (1, 3, 5, words)
    assert started.progress == Progress()
    assert [(e.epoch, e.batch, e.batches, e.updates) for e in events[:-1]] == [(1, n, 3, 1) for n in (1, 2, 3)]
    assert events[-2].progress.words == words
    assert events[-1].words_per_second == words / events[-1].seconds
    assert events[-1].metrics().epoch == 1
    assert not hasattr(events[-1].metrics(), "progress")
    assert {event.gradient_norm for event in events} == {None}  # nobody has asked for it


@pytest.mark.parametrize("batch_size", [1, 3])
def test_ids_may_be_lists_of_integers(batch_size):
    """Sentences of `compacify` are, unless it is told that they are for Theano."""
    models = [rnns.FastRNN(*SIZES, seed=0, dtype="float64") for _ in range(2)]
    listed = [SimpleNamespace(x=s.x.tolist(), y=s.y.tolist()) for s in corpus(6)]
    events = [train(Trainer(1, batch_size=batch_size), *both) for both in zip(models, (corpus(6), listed), strict=True)]
    assert epochs(events[0])[0].cost == epochs(events[1])[0].cost
    for name, W in models[0].get_values().items():
        assert np.array_equal(W, models[1].get_values()[name])


@pytest.mark.parametrize("cls", [rnns.NumpyRNN, rnns.RNN])
def test_batch_size_one_is_the_guides_loop(cls):
    model, guide, sentences = cls(*SIZES, seed=0), rnns.NumpyRNN(*SIZES, seed=0), corpus(6)
    costs = []
    for _ in range(2):
        cost = 0.0
        for sentence in sentences:
            cost += guide.forward(sentence.x, True, sentence.y).loss
            for W, gradient in zip(guide.param, guide.grads(sentence.x, sentence.y), strict=True):
                W -= 0.5 * gradient
        costs.append(cost)
    events = epochs(train(Trainer(epochs=2, rate=0.5), model, sentences))
    assert [event.cost for event in events] == pytest.approx(costs, rel=1e-8)
    for W, value in zip(guide.param, model.get_values().values(), strict=True):
        assert np.allclose(W, value, rtol=1e-8)


def test_shuffling_is_fixed_by_the_seed_and_changes_with_the_epoch():
    def costs(**options):
        events = train(Trainer(epochs=2, shuffle=True, **options), rnns.NumpyRNN(*SIZES, seed=0), corpus(8))
        return [event.cost for event in events if isinstance(event, BatchDone)]

    assert costs(seed=1) == costs(seed=1)
    assert costs(seed=1) != costs(seed=2)
    still = costs(seed=1, rate=1e-12)  # a sentence costs the same in each epoch
    first, second = still[:8], still[8:]
    assert sorted(first) == pytest.approx(sorted(second), abs=1e-9)
    assert first != pytest.approx(second, abs=1e-6)


def test_the_rate_decays():
    model, rates = rnns.NumpyRNN(*SIZES, seed=0), [0.4, 0.2, 0.4 / 3]
    events = epochs(train(Trainer(epochs=3, rate=0.4, decay=1.0), model, corpus(3)))
    assert [event.rate for event in events] == pytest.approx(rates)
    guide = rnns.NumpyRNN(*SIZES, seed=0)
    for rate in rates:
        train(Trainer(epochs=1, rate=rate), guide, corpus(3))
    for W, expected in zip(model.param, guide.param, strict=True):
        assert np.allclose(W, expected, rtol=1e-12)


def norms_by_hand(sentences, clip, n_epochs):
    """Give the largest norm of the gradient in each epoch of the guide's loop, at rate 0.5."""
    guide, largest = rnns.NumpyRNN(*SIZES, seed=0), []
    for _ in range(n_epochs):
        norms = []
        for sentence in sentences:
            gradients = guide.grads(sentence.x, sentence.y)
            norms.append(np.sqrt(sum((g**2).sum() for g in gradients)))
            for W, gradient in zip(guide.param, gradients, strict=True):
                W -= 0.5 * min(1, clip / norms[-1]) * gradient
        largest.append(max(norms))
    return largest


@pytest.mark.parametrize("cls", [rnns.NumpyRNN, rnns.FastRNN])
@pytest.mark.parametrize(
    ("trainer", "clip"), [(Trainer(2, gradient_norm=True), np.inf), (Trainer(2, clip=0.2), 0.2)], ids=["all", "clip"]
)
def test_the_largest_norm_of_the_gradient_is_recorded_as_it_was_before_clipping(cls, trainer, clip):
    events = train(trainer, cls(*SIZES, seed=0), corpus(6))
    expected = norms_by_hand(corpus(6), clip, 2)
    assert [event.gradient_norm for event in epochs(events)] == pytest.approx(expected, rel=1e-8)
    within = [event.gradient_norm for event in events if isinstance(event, BatchDone) and event.epoch == 1]
    assert max(within) == epochs(events)[0].gradient_norm


def test_a_training_that_goes_on_within_an_epoch_keeps_the_largest_norm():
    trainer, model, sentences = Trainer(1, gradient_norm=True), rnns.NumpyRNN(*SIZES, seed=0), corpus(8)
    stream = trainer.fit(model, sentences)
    event = [next(stream) for _ in range(1 + 6)][-1]
    (done,) = epochs(train(trainer, model, sentences, None, event.progress))
    assert done.gradient_norm == pytest.approx(norms_by_hand(sentences, np.inf, 1)[0], rel=1e-12)


def test_early_stopping_keeps_the_parameters_of_the_best_epoch():
    model, dev = rnns.NumpyRNN(*SIZES, seed=0, activation="tanh"), corpus(10, seed=1)
    events = train(Trainer(epochs=200, rate=0.3, clip=1.0, patience=4), model, corpus(60), dev)
    done = epochs(events)
    best = max(event.dev_accuracy for event in done)
    assert events[-1].reason == "no better accuracy on dev for 4 epochs"
    assert done[-5].dev_accuracy == best > done[0].dev_accuracy
    assert [event.is_best for event in done[-5:]] == [True, False, False, False, False]
    assert done[-1].dev_accuracy < best
    right = sum(int((model.forward(s.x).argmax(axis=0) == s.y).sum()) for s in dev)
    assert right / sum(len(s.x) for s in dev) == best
    same = epochs(train(Trainer(epochs=9, rate=1e-9, patience=2), rnns.NumpyRNN(*SIZES, seed=0), corpus(3), dev))
    assert [event.is_best for event in same] == [True, False, False]  # an equal accuracy is no better one


def test_a_partial_recovery_is_not_the_best_epoch(monkeypatch):
    accuracies = iter([0.5, 0.3, 0.4, 0.45])
    monkeypatch.setattr(training, "accuracy", lambda model, dev: next(accuracies))
    events = train(Trainer(epochs=9, patience=3), rnns.NumpyRNN(*SIZES, seed=0), corpus(3), corpus(1))
    assert [event.is_best for event in epochs(events)] == [True, False, False, False]


def test_an_event_keeps_what_it_said_and_tells_the_epochs_running_figures():
    model = rnns.NumpyRNN(*SIZES, seed=0)
    events = train(Trainer(epochs=2, batch_size=2), model, corpus(5))
    batches = [event for event in events if isinstance(event, BatchDone)]
    assert [(e.progress.epoch, e.progress.batch, e.progress.sentences) for e in batches[:3]] == [
        (0, 1, 2), (0, 2, 4), (0, 3, 5)
    ]  # fmt: skip
    first, last = batches[0].progress, batches[2].progress
    assert first.mean_cost == batches[0].cost
    assert last.mean_cost * 5 == pytest.approx(epochs(events)[0].cost)
    assert last.accuracy == epochs(events)[0].train_accuracy
    assert last.since(batches[1].progress).mean_cost == pytest.approx(batches[2].cost)


@pytest.mark.parametrize("after", [0, 1, 7, 8, 9, 17])
def test_it_goes_on_from_any_event_to_the_same_numbers(after):
    trainer = Trainer(epochs=2, batch_size=2, shuffle=True, seed=3)
    whole_model = rnns.NumpyRNN(*SIZES, seed=0)
    whole = train(trainer, whole_model, corpus(15), corpus(4, seed=1))

    model = rnns.NumpyRNN(*SIZES, seed=0)
    events = []
    stream = trainer.fit(model, corpus(15), corpus(4, seed=1))
    for event in stream:
        events.append(event)
        if len(events) > after:
            break
    stream.close()
    progress = event.progress
    resumed = train(trainer, model, corpus(15), corpus(4, seed=1), progress)
    got = [e.cost for e in [*events, *resumed] if isinstance(e, (BatchDone, EpochDone))]
    assert got == [e.cost for e in whole if isinstance(e, (BatchDone, EpochDone))]
    for W, value in zip(model.param, whole_model.param, strict=True):
        assert np.array_equal(W, value)


@pytest.mark.parametrize(
    ("trainer", "sentences", "options", "message"),
    [
        (Trainer(patience=1), 2, {}, "needs a dev corpus"),
        (Trainer(), 0, {}, "at least one sentence"),
        (Trainer(), 2, {"progress": Progress(batch=9)}, "batch 9, but the corpus makes only 2"),
    ],
)
def test_what_does_not_go_together_is_refused(trainer, sentences, options, message):
    with pytest.raises(ValueError, match=message):
        train(trainer, rnns.NumpyRNN(*SIZES), corpus(sentences), **options)


def test_a_word_outside_the_vocabulary_is_refused_before_the_first_step():
    model = rnns.NumpyRNN(*SIZES, seed=0)
    before = model.get_values()
    bad = SimpleNamespace(x=np.array([12], "int32"), y=np.array([0], "int32"))
    with pytest.raises(IndexError, match="word id 12"):
        train(Trainer(), model, [*corpus(2), bad])
    assert all(np.array_equal(before[name], value) for name, value in model.get_values().items())


def test_a_cost_that_is_not_finite_stops_with_advice():
    model = rnns.NumpyRNN(*SIZES, seed=0, activation="relu")
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="lower rate"):
        train(Trainer(epochs=50, rate=1e6), model, corpus(20))


def test_finite_costs_whose_sum_is_not_finite_stop_too():
    model = rnns.NumpyRNN(*SIZES, seed=0)
    values = model.get_values()
    model.set_values({**values, "W_y": 3e307 * values["W_y"]})  # as a rate of 1e308 leaves it
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"cost became inf in epoch 1, batch .* rate"),
    ):
        train(Trainer(rate=1e-300), model, corpus(20))


def test_an_epochs_seconds_do_not_count_what_is_done_between_its_events():
    begin, elsewhere, seconds = time.perf_counter(), 0.0, 0.0
    for event in Trainer(epochs=2).fit(rnns.NumpyRNN(*SIZES, seed=0), corpus(5)):
        left = time.perf_counter()
        if isinstance(event, BatchDone):
            sum(range(100_000))
        elif isinstance(event, EpochDone):
            seconds += event.seconds
        elsewhere += time.perf_counter() - left
    assert 0 < seconds <= time.perf_counter() - begin - elsewhere


def test_a_cost_well_above_that_of_guessing_is_hinted_at():
    trainer = Trainer(epochs=2, rate=50.0)
    with pytest.warns(
        UserWarning, match=r"the cost of epoch 2, .* is above that of guessing, 1\.1: try a lower rate than 50"
    ):
        for _ in trainer.fit(rnns.NumpyRNN(*SIZES, seed=0), corpus(5)):
            pass


@pytest.mark.parametrize("name", models.MODELS)
def test_a_sentence_of_two_dimensions_is_refused_by_name(name):
    sentence = SimpleNamespace(x=np.zeros((2, 3), int), y=np.zeros((2, 3), int))
    with pytest.raises(ValueError, match=r"x must be one sentence of shape \(L,\), got 2 dimensions"):
        next(Trainer().fit(models.model_class(name)(*SIZES, seed=0), [sentence]))
