"""Checks of the exercises (`lab.check`), hints, solutions, answer fields and progress.

An answer goes through these files. `check.py` takes it and asks `exercise.py` for its exercise, a file of `catalogue`.
In a child process (`lab.runtime.student_process`), `harness.py` runs it on the inputs of `inputs.py`, while
`library_calls.py` notes which models of the library it calls. `compare.py` finds the first difference from the
solution's arrays. `explanation.py` looks for the cause: it reads the answer with `answer_code.py`, replaces statements
by the solution's, and lets `search_fix.py` try small changes. `verdict.py` shows the result, `progress.py` stores it.

Beside this path, `failed_cells.py` finds answers whose cell has failed, `own_code.py` lets the panels compute with an
answer, and `written.py` has the text fields for questions.
"""
