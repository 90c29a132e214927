"""The panels on a CUDA device: what they begin runs in threads of the kernel, one after the other and at once."""

import numpy as np
import pytest
import theano
import theano.tensor as T

from lab import GradientCheckPanel, InspectionPanel, TrainingPanel
from lab.panels.training.job import training_jobs
from lxmls_rnn import paths


@pytest.fixture(scope="module", autouse=True)
def folders(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LXMLS_RUNS", str(tmp_path_factory.mktemp("runs")))
        patch.setattr("lab.widgets.panel.DOUBLE_CLICK_SECONDS", 0)  # tests press faster than hands
        yield


@pytest.fixture(autouse=True)
def cell():
    """A cell of the notebook, whose thread computes before and after what the panels do in theirs."""
    x, W = T.fvector(), theano.shared(np.ones((3, 2), "float32"))
    function = theano.function([x], T.dot(x, W))
    assert function(np.ones(3, "float32")).tolist() == [3, 3]
    yield
    assert function(np.ones(3, "float32")).tolist() == [3, 3]


def train(panel, name):
    panel.name.value = name
    panel.start_button.click()
    return training_jobs.find(paths.runs() / name)


def test_two_trainings_at_once_and_one_after_them():
    panel = TrainingPanel(model="FastRNN")
    panel.corpus["max_nr_sent"].value, panel.trainer["epochs"].value = 20, 2
    panel.model["n_emb"].value, panel.model["n_hidd"].value = 6, 5
    both = [train(panel, name) for name in ("one", "two")]
    for job in both:
        job.wait()
    third = train(panel, "three")
    third.wait()
    assert [job.error for job in (*both, third)] == [None] * 3
    assert "Theano uses the GPU" in third.device
    costs = [[row.cost for row in job.rows] for job in (*both, third)]
    assert len(costs[0]) == 2
    assert costs[0] == costs[1] == costs[2]


def test_looking_into_what_was_trained_there():
    panel = InspectionPanel("three")
    assert "alert" not in panel.message.value
    assert panel.seen is not None


def test_checking_gradients():
    panel = GradientCheckPanel()
    for name, box in panel.choice["model"].boxes.items():
        box.value = name == "FastRNN"
    panel.check_button.click()
    panel.work.job.wait()
    assert "All gradients agree." in panel.message.value
