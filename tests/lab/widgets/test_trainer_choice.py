"""The controls of the trainer: which can be used, what they say, the trainer that they make."""

import pytest

from lab.widgets.trainer_choice import TrainerChoice
from lxmls_rnn.deep_learning.training import Trainer


def test_numbers_that_count_only_sometimes_are_asked_for_then():
    choice = TrainerChoice()
    assert (choice.clip.disabled, choice.patience.disabled) == (True, True)
    choice.clipped.value, choice.early.value, choice.clip.value = True, True, 2.0
    assert (choice.clip.disabled, choice.patience.disabled) == (False, False)
    assert choice.summary().startswith("5 epochs at rate 0.5, batches of 1, gradient clipped to 2, early stopping")
    choice.epochs.value = 1
    assert choice.summary().startswith("1 epoch at")


def test_the_trainer_at_first_is_the_librarys():
    assert TrainerChoice().trainer(0, False) == Trainer()
    assert TrainerChoice().trainer(3, True) == Trainer(seed=3, freeze_embeddings=True)


def test_a_number_that_does_not_count_is_not_in_the_trainer():
    choice = TrainerChoice()
    choice.clip.value, choice.patience.value = 2.5, 7
    assert choice.trainer(0, False) == Trainer()
    choice.clipped.value = choice.early.value = True
    assert choice.trainer(0, False) == Trainer(clip=2.5, patience=7)


TRAINERS = [
    Trainer(),
    Trainer(epochs=9, rate=0.25, decay=0.5, batch_size=16, shuffle=True, gradient_norm=True),
    Trainer(clip=0.5),
    Trainer(patience=5),
]


@pytest.mark.parametrize("trainer", TRAINERS)
def test_settings_that_are_copied_make_the_same_trainer(trainer):
    choice = TrainerChoice()
    choice.copy_from(Trainer(epochs=2, decay=0.1, batch_size=3, shuffle=True, gradient_norm=True, clip=9.0, patience=8))
    choice.copy_from(trainer)
    assert choice.trainer(trainer.seed, trainer.freeze_embeddings) == trainer
    assert choice.clip.disabled == (trainer.clip is None)
    assert choice.patience.disabled == (trainer.patience is None)


def test_a_copy_without_clipping_keeps_the_number_for_later():
    choice = TrainerChoice()
    choice.copy_from(Trainer(clip=0.5, patience=4))
    choice.copy_from(Trainer())
    assert (choice.clip.value, choice.patience.value) == (0.5, 4)


def test_an_invalid_number_is_refused_by_its_name():
    choice = TrainerChoice()
    choice.rate.value = -1
    with pytest.raises(ValueError, match="rate must be a positive number, got -1"):
        choice.trainer(0, False)
