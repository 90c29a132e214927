"""Reading of a student's runs."""

import json
from dataclasses import asdict

from lxmls_rnn.classroom.students import Student
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run


def run_with(folder, dev_accuracies):
    """A run with these accuracies on dev, an epoch each, and with better ones on train."""
    folder.mkdir()
    rows = [Metrics(n, 9.0, 0.99, accuracy, 0.5, 0.1, 99.0, True) for n, accuracy in enumerate(dev_accuracies, 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
    return Run(folder, Settings("sample"))


def test_the_best_accuracy_is_the_highest_on_dev_of_all_epochs_of_all_runs(tmp_path):
    runs = [run_with(tmp_path / name, on_dev) for name, on_dev in (("a", [0.5, 0.7, 0.6]), ("b", [0.4, None]))]
    assert Student("anna", runs=runs).best == 0.7
    assert Student("anna", runs=runs[::-1]).best == 0.7
    assert Student("anna", runs=[run_with(tmp_path / "no dev", [None])]).best is None
