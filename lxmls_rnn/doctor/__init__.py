"""Diagnosis of the installation: what Theano finds, what is missing and how to install it, what really works.

The command is ``lxmls-rnn doctor``. It compiles and runs a function in a process of its own instead of guessing from
what is installed, and does so on the GPU too if there is one. :mod:`lxmls_rnn.doctor.gpu` has the checks of the GPU,
:mod:`lxmls_rnn.doctor.without_theano` the screen without Theano.
"""

from lxmls_rnn.deep_learning.frameworks import THEANO

if THEANO.missing:
    from lxmls_rnn.doctor.without_theano import main, print_missing, require_compiler
else:
    from lxmls_rnn.doctor.screen import main, print_missing, require_compiler

__all__ = ["main", "print_missing", "require_compiler"]
