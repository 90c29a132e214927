"""Progress of this kernel's student in the exercises, saved in the folder of runs."""

from datetime import datetime

from lab.exercises.exercise import EXERCISES
from lab.exercises.json_store import JsonStore
from lxmls_rnn.classroom.students import PROGRESS, RIGHT, TIME, Attempts

FILE = JsonStore(PROGRESS, Attempts)


def update(exercise: str, *, state: str = "", tries: int = 0, hints: int = 0, solution: bool = False) -> Attempts:
    """Add to the entry of an exercise and return it; the state 'right' is final. Errors: see `JsonStore.changing`."""
    with FILE.changing() as entries:
        entry, now = entries.setdefault(exercise, Attempts()), datetime.now().strftime(TIME)
        if state and entry.state != RIGHT:
            entry.state, entry.done = state, now if state == RIGHT else None
        if tries:
            entry.tries, entry.tried = entry.tries + tries, now
        entry.hints = min(entry.hints + hints, len(EXERCISES[exercise].hints))
        entry.solution |= solution
        if entry.tries or entry.hints or entry.solution:
            entry.begun = entry.begun or now
        return entry


def forget(*exercises: str) -> None:
    """Delete the entries of exercises."""
    with FILE.changing() as entries:
        for name in exercises:
            entries.pop(name, None)
