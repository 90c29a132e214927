"""One BLAS thread in a kernel: with several, a fork during their work makes them or the child wait forever.

The check of an exercise forks, and so does ``!command``, while the trainings of panels multiply in their threads.
OpenBLAS ends its threads before a fork, also at work (`blas_thread_shutdown`, OpenBLAS 0.3.34).
"""

import os

from IPython import get_ipython
from threadpoolctl import threadpool_limits


def use_one() -> None:
    """Limit NumPy's BLAS, and Theano's once it is loaded, to one thread if this process is a kernel."""
    if getattr(get_ipython(), "kernel", None):
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        threadpool_limits(1, "blas")
