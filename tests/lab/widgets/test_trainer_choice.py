"""The controls of the trainer: which can be used, what they say, the trainer that they make."""

from lab.widgets.trainer_choice import TrainerChoice


def test_numbers_that_count_only_sometimes_are_asked_for_then():
    choice = TrainerChoice()
    assert (choice.clip.disabled, choice.patience.disabled) == (True, True)
    choice.clipped.value, choice.early.value, choice.clip.value = True, True, 2.0
    assert (choice.clip.disabled, choice.patience.disabled) == (False, False)
    assert choice.summary().startswith("5 epochs at rate 0.5, batches of 1, gradient clipped to 2, early stopping")
    choice.epochs.value = 1
    assert choice.summary().startswith("1 epoch at")
