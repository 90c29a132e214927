"""Time a training through the panel beside the same one from the command line, in turns: does the panel slow it down?

Times are from the end of the first epoch, when all is compiled, to the end of the last one; on a busy machine the
processor's time says more than the clock's. The command line draws its bar as in a terminal; the panel has no front end
here, but makes every message that it would send to one.
"""

import os
import time

import numpy as np
import pytest
from ipywidgets import Widget

from lab import TrainingPanel
from lab.panels.training.live_run import live_runs
from lxmls_rnn.cli import train
from lxmls_rnn.cli.console import SafeConsole
from lxmls_rnn.deep_learning.training import EpochDone
from lxmls_rnn.runs import Run

EPOCHS = {"NumpyRNN": 13, "NumpyLSTM": 5, "RNN": 9, "FastRNN": 61}
ROUNDS = 7


@pytest.fixture
def times(tmp_path, monkeypatch):
    """Keep runs in a folder of their own, send the command line's output nowhere, note when each epoch ends."""
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path))
    noted, fit = [], Run.fit

    def timed(run, *args):
        for event in fit(run, *args):
            if isinstance(event, EpochDone):
                noted.append((time.perf_counter(), time.process_time()))
            yield event

    monkeypatch.setattr(Run, "fit", timed)
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr(train, "console", SafeConsole(file=nowhere, force_terminal=True, width=100))
        yield noted


@pytest.fixture
def messages(monkeypatch):
    """Encode what widgets send as the front end would get it, and count it."""
    sent = [0]

    def send(widget, msg, buffers=None):
        sent[0] += len(repr(msg)) + sum(len(bytes(buffer)) for buffer in buffers or ())

    monkeypatch.setattr(Widget, "_send", send)
    return sent


@pytest.mark.parametrize("model", list(EPOCHS))
def test_training_through_the_panel(benchmark, times, messages, capsys, model):
    panel = TrainingPanel(model=model)
    panel.trainer["epochs"].value = 2 if benchmark.disabled else EPOCHS[model]
    panel.trainer["rate"].value = 0.1
    took = {"panel": [], "command line": [], "bare loop": []}

    def through_the_command_line():
        times.clear()
        number = len(took["command line"])
        train.show_training(Run.create(f"command-line-{number}", panel.settings()), None)
        took["command line"].append(np.subtract(times[-1], times[0]))

    def with_nobody_listening():
        times.clear()
        number = len(took["bare loop"])
        for _ in Run.create(f"bare-loop-{number}", panel.settings()).fit():
            pass
        took["bare loop"].append(np.subtract(times[-1], times[0]))

    def before():
        through_the_command_line()
        with_nobody_listening()

    def through_the_panel():
        times.clear()
        panel.start_button.click()
        training = live_runs.find(panel.folder())
        training.wait()
        assert training.state == "done"
        took["panel"].append(np.subtract(times[-1], times[0]))

    # pytest-benchmark's own figure has the reading and compiling in it
    benchmark.group = "a training through the panel"
    benchmark.pedantic(through_the_panel, setup=before, rounds=ROUNDS, warmup_rounds=1)
    panel.close()
    if benchmark.disabled:  # it ran once
        return
    epochs = EPOCHS[model] - 1
    seconds = {name: np.array(values[1:]).T / epochs for name, values in took.items()}
    with capsys.disabled():
        print(f"\n{model}: {ROUNDS} rounds of {epochs} epochs, {messages[0] / 1e6:.1f} MB sent")
        for row, what in enumerate(("clock", "processor")):
            for other in ("command line", "bare loop"):
                mine, theirs = seconds["panel"][row], seconds[other][row]
                low, middle, high = np.percentile(mine / theirs, [25, 50, 75])
                benchmark.extra_info[f"{what}, panel to {other}"] = {"ratio": middle, "quartiles": [low, high]}
                print(
                    f"  {what:9}  an epoch: panel {1000 * np.median(mine):.1f} ms, "
                    f"{other} {1000 * np.median(theirs):.1f} ms; "
                    f"ratio: median {middle:.3f}, quartiles {low:.3f} to {high:.3f}"
                )
