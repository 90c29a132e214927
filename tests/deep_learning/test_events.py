"""The state of a training and the metrics of an epoch; test_training.py tests when they are reported."""

from dataclasses import fields

from lxmls_rnn.deep_learning.events import EpochDone, Metrics, Progress


def test_means_are_per_sentence_per_word_and_per_second():
    progress = Progress(cost=6.0, sentences=4, correct=9, words=12, seconds=3.0)
    assert (progress.mean_cost, progress.accuracy, progress.words_per_second) == (1.5, 0.75, 4.0)


def test_a_new_training_has_done_nothing_and_any_accuracy_is_better():
    assert set(Progress()._replace(best_accuracy=0)) == {0}
    assert Progress().best_accuracy < 0.0


def test_the_difference_of_two_states_has_the_sums_since_and_the_rest_of_the_later():
    before = Progress(3, 10, 5.0, 10, 30, 40, 2.0, 0.5, 1, 7.0)
    after = Progress(3, 12, 8.0, 14, 36, 52, 2.5, 0.6, 0, 9.0)
    assert after.since(before) == Progress(3, 12, 3.0, 4, 6, 12, 0.5, 0.6, 0, 9.0)
    assert after.since(Progress()) == after


def test_metrics_of_an_epoch_are_all_but_its_progress():
    values = {"epoch": 2, "cost": 1.5, "train_accuracy": 0.5, "dev_accuracy": None, "rate": 0.1, "seconds": 3.0}
    values |= {"words_per_second": 4.0, "is_best": False, "gradient_norm": 0.25}
    assert set(values) == {field.name for field in fields(Metrics)}
    metrics = EpochDone(**values, progress=Progress(epoch=2)).metrics()
    assert type(metrics) is Metrics
    assert vars(metrics) == values
