"""A Python that has neither Theano nor what only Unix has: an import before the library's, or a plugin of pytest.

Windows has none of these modules and functions.
"""

import os
import sys

for name in ("theano", "theano_runtime", "pygpu", "fcntl", "resource", "grp", "pwd"):
    sys.modules[name] = None
for name in ("fork", "forkpty", "sched_getaffinity", "sched_setaffinity", "fchmod", "O_NONBLOCK", "O_CLOEXEC"):
    delattr(os, name)
