"""Look over the machine: what Theano finds here, what is missing, how to get it, what really works.

The command is ``lxmls-rnn doctor``. That a function compiles, and on which device, is not guessed from what is
installed but tried, in processes of their own. What concerns the GPU is in :mod:`lxmls_rnn.doctor.gpu`.
"""

from lxmls_rnn.doctor.finding import Finding, missing_packages
from lxmls_rnn.doctor.screen import main, require_compiler, tell_missing

__all__ = ["Finding", "main", "missing_packages", "require_compiler", "tell_missing"]
