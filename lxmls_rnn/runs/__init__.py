"""Runs: trainings on disk, each in a folder with its settings, metrics and model."""

from lxmls_rnn.runs.run import CHECKPOINT, Damaged, Run, check_progress, find_runs

__all__ = ["CHECKPOINT", "Damaged", "Run", "check_progress", "find_runs"]
