import threading
from functools import wraps

import pytest
from environment import wait_until
from html_tables import tables

from lab import DistancePanel
from lab.panels.distance import panel as panel_module
from lab.panels.distance.panel import LINE_COLOURS
from lxmls_rnn import distance
from lxmls_rnn.distance import DistanceSettings, measure
from lxmls_rnn.experiment import prepare


@pytest.fixture
def panel(data, monkeypatch):
    """A panel whose taggers are NumPy's, on a few sentences; tests/test_distance.py trains Theano's."""
    taggers = {name: (model.replace("Fast", "Numpy"), act) for name, (model, act) in distance.TAGGERS.items()}
    monkeypatch.setattr(distance, "TAGGERS", taggers)
    monkeypatch.setattr(distance, "prepare", lambda settings: prepare(settings.changed(max_nr_sent=40)))
    made = DistancePanel()
    for name, value in {"distances": "1, 3", "seeds": 2, "epochs": 2}.items():
        made.choice[name].value = value
    made.choice["taggers"].boxes["RNN, tanh"].value = False
    yield made
    if made.work.active:
        made.work.job.stop()
        made.work.job.wait()


def test_curves_and_table_come_of_the_trainings(panel):
    panel.start_button.click()
    panel.work.job.wait()
    assert panel.message.value.startswith('<div role="status">Done.')
    assert set(panel.measured) == {(t, k, s) for t in ("RNN, logistic", "LSTM") for k in (1, 3) for s in (0, 1)}
    expected = []
    for n, tagger in enumerate(("RNN, logistic", "LSTM")):
        line, dots = panel.plot.marks[2 * n : 2 * n + 2]
        seeds = [[panel.measured[tagger, distance, seed].accuracy for seed in (0, 1)] for distance in (1, 3)]
        assert list(line.x) == [1, 3]
        assert list(line.y) == [sum(both) / 2 for both in seeds]
        assert list(dots.y) == [*seeds[0], *seeds[1]]
        assert line.colors == dots.colors == [LINE_COLOURS[tagger]]
        assert f'{LINE_COLOURS[tagger]}"></span> {tagger}<' in panel.legend.value
        expected.append([tagger, *(" ".join(f"{accuracy:.0%}" for accuracy in both) for both in seeds)])
    assert len(dots.x) == 4
    assert tables(panel.table.value) == [[["accuracy on the word", "K = 1", "K = 3"], *expected]]


def test_it_stops_after_the_present_epoch_and_keeps_what_is_measured(panel, monkeypatch):
    pressed = threading.Event()

    def held(settings):
        for measured in measure(settings):
            yield measured
            if measured.seed == 1:
                pressed.wait()

    monkeypatch.setattr(panel_module, "measure", held)
    panel.choice["epochs"].value = 3
    panel.start_button.click()
    wait_until(lambda: len(panel.measured) == 2)
    panel.stop_button.click()
    pressed.set()
    panel.work.job.wait()
    assert "Stopped." in panel.message.value
    line, dots = panel.plot.marks
    first, second = panel.measured.values()
    assert (first.epoch, second.epoch) == (3, 2)
    assert list(line.y) == [first.accuracy]  # the second training has not ended: it is in no mean
    assert list(dots.y) == [first.accuracy, second.accuracy]
    assert f"{first.accuracy:.0%} {second.accuracy:.0%} (epoch 2)" in panel.table.value
    assert panel.progress.value == 5 / (2 * 2 * 2 * 3)


def test_the_code_measures_the_same(panel, capsys, monkeypatch):
    asked = []

    @wraps(measure)
    def recorded(settings):
        asked.append(settings)
        return measure(settings)

    for place in (distance, panel_module):
        monkeypatch.setattr(place, "measure", recorded)
    panel.choice["distances"].value, panel.choice["seeds"].value, panel.choice["init"].value = "3, 1,3", 1, "uniform01"
    exec(panel.code(), {})
    assert "LSTM           reach:1    seed 0: " in capsys.readouterr().out
    panel.start_button.click()
    panel.work.job.wait()
    assert panel.progress.value == 1
    assert asked == [DistanceSettings(("RNN, logistic", "LSTM"), (1, 3), 1, 2, "uniform01")] * 2
