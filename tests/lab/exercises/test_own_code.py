"""A student's own passes in the place of the library's."""

import numpy as np
import pytest

from lab import GradientCheckPanel, InspectionPanel, StepThroughPanel, TrainingPanel, check
from lab.exercises.exercise import EXERCISES
from lab.panels.training.job import training_jobs
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import models, rnn
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings, prepare
from lxmls_rnn.runs import Run

TRAIN, DEV, _ = map(str, corpus_files("sample"))
SETTINGS = Settings(TRAIN, DEV, max_nr_sent=12, n_emb=6, n_hidd=5, trainer=Trainer(epochs=2))


@pytest.fixture(autouse=True)
def nothing_is_replaced():
    yield
    check.use()


def functions(*changes):
    """The three functions of exercise 6.1, as a notebook's cells define them."""
    space, names = {}, ("forward", "errors", "gradients")
    for name in names:
        code = EXERCISES[name].solution
        for old, new in changes:
            code = code.replace(old, new)
        exec(compile(code, f"<cell {name}>", "exec"), space)
    return [space[f"my_{name}"] for name in names]


def trained(settings=SETTINGS):
    e = prepare(settings)
    costs = [event.cost for event in settings.trainer.fit(e.tagger.model, e.train) if hasattr(event, "train_accuracy")]
    return e.tagger.model, costs


def test_it_trains_to_the_librarys_numbers():
    expected, costs = trained()
    assert "NumpyRNN now uses my_forward, my_errors, my_gradients" in str(check.use(*functions()))
    model, own_costs = trained()
    assert type(model) is not type(expected)
    assert np.allclose(costs, own_costs, rtol=1e-10)
    assert all(np.allclose(a, b, rtol=1e-8, atol=1e-12) for a, b in zip(model.param, expected.param, strict=True))
    assert check.use().text.startswith("The panels use the library's code again")
    assert type(trained()[0]) is type(expected)


def test_its_errors_and_gradients_are_those_that_a_panel_shows():
    x, y = np.array([3, 1, 4, 0]), np.array([0, 2, 1, 1])
    expected = rnn.NumpyRNN(5, 3, 4, 3, seed=1).backward(x, y)
    check.use(*functions())
    for one, own in zip(expected, models.model_class("NumpyRNN")(5, 3, 4, 3, seed=1).backward(x, y), strict=True):
        if isinstance(one, dict):
            one, own = zip(*((one[name], own[name]) for name in own), strict=True)
        pairs = zip(one, own, strict=True) if isinstance(one, tuple) else [(one, own)]
        assert all(np.allclose(a, b, rtol=1e-10) for a, b in pairs)


def test_what_is_wrong_in_it_shows_in_training_and_gradient_check():
    _, expected = trained()
    check.use(*functions(("W_h.T @ e_a", "0 * W_h.T @ e_a")))
    assert not np.allclose(trained()[1], expected, rtol=1e-6)
    panel = GradientCheckPanel()
    for name, box in panel.choice["model"].boxes.items():
        box.value = name == "NumpyRNN"
    panel.source.value, panel.choice["length"].value = "random ids", 3
    panel.check_button.click()
    panel.work.job.wait()
    assert "gradients differ" in panel.message.value


def test_the_panels_train_inspect_and_step_through_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(training_jobs, "_all", [])
    calls = []
    mine = functions()

    def my_forward(*arguments):
        calls.append(len(arguments[0]))
        return mine[0](*arguments)

    check.use(my_forward, *mine[1:])
    panel = TrainingPanel()
    panel.corpus["max_nr_sent"].value, panel.trainer["epochs"].value = 10, 1
    panel.start_button.click()
    job = training_jobs.find(panel.folder())
    job.wait()
    assert "my_forward" in job.device
    assert len(calls) >= 20
    assert Run.open(job.name).settings.model == "NumpyRNN"
    calls.clear()
    inspection = InspectionPanel(job.name)
    assert inspection.message.value == ""
    assert calls
    calls.clear()
    stepping = StepThroughPanel("the dog runs")
    assert stepping.message.value == ""
    stepping.slider.value = len(stepping.walk.steps)
    assert calls


def test_a_failure_names_the_function_and_a_batch_is_refused():
    check.use(*functions(("W_x @ z[:, t]", "W_x.T @ z[:, t]")))
    with pytest.raises(RuntimeError, match="my_forward fails with ValueError: matmul"):
        trained()
    check.use(*functions())
    with pytest.raises(ValueError, match="takes one sentence: set the batch size to 1"):
        trained(Settings(TRAIN, max_nr_sent=40, trainer=Trainer(epochs=1, batch_size=4)))


@pytest.mark.daily("compiles the training of a class with scan, eighteen seconds from an empty cache")
def test_a_class_of_ones_own_stands_for_the_one_that_it_is_made_of():
    space = {}
    exec(EXERCISES["rnn"].before, space)
    exec(compile(EXERCISES["rnn"].solution, "<cell rnn>", "exec"), space)
    assert "the model RNN now uses MyRNN" in str(check.use(space["MyRNN"]))
    model, _ = trained(Settings(TRAIN, max_nr_sent=20, n_emb=4, n_hidd=3, model="RNN", trainer=Trainer(epochs=1)))
    assert isinstance(model, space["MyRNN"])
    assert type(model).__name__ == "RNN"
    assert "passes" not in models.device_of("NumpyRNN")
    assert "The passes are those of MyRNN." in models.device_of("RNN")


def test_a_class_that_was_changed_takes_the_place_of_the_one_before_and_an_lstm_keeps_the_guides_peepholes():
    for name in ("before", "after"):
        space = {}
        exec(EXERCISES["rnn"].before, space)
        exec(compile(EXERCISES["rnn"].solution, f"<cell {name}>", "exec"), space)
        check.use(space["MyRNN"])
        assert issubclass(models.model_class("RNN"), space["MyRNN"])
        assert rnn.RNN.__module__ == "lxmls_rnn.deep_learning.theano_rnn"  # an import gives the library's
    for name in ("lstm_step", "lstm"):
        exec(compile(EXERCISES[name].solution, f"<cell {name}>", "exec"), space)
    check.use(space["MyLSTM"])
    assert models.model_class("LSTM").peephole_options == (True,)
    with pytest.raises(ValueError, match="peepholes must be True, got False"):
        trained(Settings(TRAIN, max_nr_sent=20, n_emb=4, n_hidd=3, model="LSTM", peepholes=False))


@pytest.mark.parametrize(
    ("wrong", "got"), [((3,), "int"), ((len, len), "len, len"), ((rnn.NumpyRNN,), "NumpyRNN"), ((rnn.RNN,), "RNN")]
)
def test_something_else_is_refused_with_what_it_takes(wrong, got):
    said = str(check.use(*wrong))
    assert said == f"check.use takes my_forward, my_errors and my_gradients, or MyRNN, or MyLSTM; got {got}."
    assert models.model_class("NumpyRNN") is rnn.NumpyRNN
