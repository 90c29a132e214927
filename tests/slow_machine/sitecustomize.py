"""A slow machine: each Python with this folder on its PYTHONPATH starts late, and so do its forks and its threads."""

import os
import sys
import threading
import time

LATE_SECONDS = 1.0


def be_late(*_):
    """Wait; as the profile function of a thread only once, before it runs anything."""
    sys.setprofile(None)
    time.sleep(LATE_SECONDS)


threading.setprofile(be_late)
os.register_at_fork(after_in_child=be_late)
be_late()
