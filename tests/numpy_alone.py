"""A Python that has neither Theano nor what only Unix has: an import before the library's, or a plugin of pytest.

Windows has none of these modules and functions.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress

with suppress(ImportError):
    import platformdirs.unix  # noqa: F401  pytest's plugins need it, on Windows another of its modules

for name in ("theano", "theano_runtime", "pygpu", "fcntl", "resource", "grp", "pwd"):
    sys.modules[name] = None
missing = {
    os: "fork forkpty sched_getaffinity sched_setaffinity fchmod fchown chown lchown O_NONBLOCK O_CLOEXEC O_NOFOLLOW "
    "O_DIRECTORY getgid getegid getgroups setsid killpg getpgid mkfifo sysconf statvfs getloadavg "
    "pread pwrite nice",
    signal: "SIGKILL SIGALRM SIGPROF SIGUSR1 SIGHUP SIGCHLD setitimer pthread_sigmask pthread_kill",
    time: "clock_gettime pthread_getcpuclockid",
}
for module, names in missing.items():
    for name in names.split():
        delattr(module, name)
shutil._use_fd_functions = False  # of Python's own modules this one uses what is missing
