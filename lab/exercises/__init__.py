"""Checks of the exercises (`lab.check`), hints, solutions, answer fields and progress.

An answer goes through these files. `check.py` takes it and asks `exercise.py` for its exercise, a file of `catalogue`.
In a child process (`lab.runtime.student_process`), `judge.py` lets `run.py` run it on the inputs of `inputs.py`, with
`run_theano.py` or `run_torch.py` if it uses these, and `compare.py` find the first difference from the solution's
arrays. Only if there is one, the folder `cause` looks for its cause. `verdict.py` shows the result, `progress.py`
stores it.

Beside this path, `own_code.py` lets the panels compute with an answer, and `written.py` has the text fields for
questions.
"""
