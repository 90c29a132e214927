"""Collapsible boxes: their controls can be hidden, but stay in the summary."""

from lab.widgets.choices import CorpusChoice, ModelChoice
from lab.widgets.trainer_choice import TrainerChoice


def test_the_rare_controls_are_seen_when_they_are_asked_for():
    advanced = TrainerChoice().advanced
    _, box = advanced.children
    assert box.layout.display == "none"
    advanced.button.value = True
    assert box.layout.display is None
    assert advanced.controls == box.children


def test_what_differs_is_said_though_it_is_folded():
    trainer, model, corpus = TrainerChoice(), ModelChoice("NumpyRNN"), CorpusChoice()
    assert trainer.summary() == "5 epochs at rate 0.5, batches of 1"
    assert model.in_words() == "NumpyRNN, 20 hidden units, logistic"
    assert corpus.in_words() == "sample"
    trainer.decay.value, trainer.shuffle.value, trainer.early.value, trainer.patience.value = 0.1, True, True, 3
    assert trainer.summary() == "5 epochs at rate 0.5, batches of 1, decay 0.1, shuffle, early stopping, patience 3"
    corpus.max_nr_sent.value, corpus.vocabulary.value, corpus.min_count.value = 40, "guide", 3
    assert corpus.in_words() == "sample, max. sentences 40, vocabulary guide"  # where the least count is nothing
    model.init.value, model.peepholes.value = "glorot", False
    assert model.in_words() == "NumpyRNN, 20 hidden units, logistic, initialisation glorot"
    model.model.value = "NumpyLSTM"
    assert model.in_words() == "NumpyLSTM, 20 hidden units, tanh, no peepholes, initialisation glorot"
    for part in (trainer, model, corpus):
        assert part.advanced.children[1].layout.display == "none"
