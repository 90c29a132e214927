"""Widgets shared by the panels: base class, groups of controls. In any kernel, threads are safe and messages arrive."""

from lab.runtime import blas_threads, messages

blas_threads.use_one()
messages.keep_all()
messages.allow_threads()
