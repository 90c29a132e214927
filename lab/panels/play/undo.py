"""Undo of the play panel: earlier states, one for each change."""

import time
from collections import deque
from collections.abc import Mapping

MAX_STATES = 100
DRAG_SECONDS = 1.0  # changes of one control that follow each other faster are one step

State = Mapping[str, object]


class Undo:
    """The states before the current one."""

    def __init__(self) -> None:
        self._earlier: deque[State] = deque(maxlen=MAX_STATES)
        self._current: State = {}
        self._changed: tuple[str, ...] = ()
        self._time = 0.0

    def record(self, state: State) -> tuple[str, ...]:
        """Make `state` the current one; return the names of the values that differ from the one before."""
        changed = tuple(name for name, value in state.items() if self._current.get(name) != value)
        if not changed:
            return ()
        now = time.monotonic()
        drag = len(changed) == 1 and changed == self._changed and now - self._time < DRAG_SECONDS
        if self._current and not drag:
            self._earlier.append(self._current)
        self._current, self._changed, self._time = state, changed, now
        return changed

    def back(self) -> State | None:
        """Make the state before the last step the current one and return it, or None if there is none."""
        if not self._earlier:
            return None
        self._current, self._changed = self._earlier.pop(), ()
        return self._current
