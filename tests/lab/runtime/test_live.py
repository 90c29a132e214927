"""Live runs of a kernel: how many are kept."""

import threading

from lab.runtime.live import MAX_ENDED, Live, LiveList


def test_active_runs_are_kept_and_of_those_that_have_ended_the_newest(tmp_path):
    live, end = LiveList("run"), threading.Event()
    waiting = Live(tmp_path / "waiting", lambda: iter(end.wait, True), lambda event: None)
    live.start(waiting)
    paths = [tmp_path / str(n) for n in range(MAX_ENDED + 2)]
    for path in paths:
        ended = Live(path, lambda: iter(()), lambda event: None)
        live.start(ended)
        ended.wait()
    found = [path for path in paths if live.find(path)]
    assert (live.find(waiting.path), live.active(tmp_path)) == (waiting, [waiting])
    assert found == paths[1:]  # the limit, and the last one that was started
    end.set()
    waiting.wait()
