"""Theano 1.0.5 as this project builds it, with settings that suit this machine.

Importing this package does not import Theano, and fails where the installed Theano is a stock one. Theano itself calls
`load.importing` when it is imported, here or in a student's notebook, and finds what it needs:

- a BLAS to link with, a compile cache that survives the process, flags for this processor, a device;
- what the user has set, untouched: THEANO_FLAGS come first, then LXMLS_DEVICE and LXMLS_FLOATX, then
  ``.theanorc`` (or the files of THEANORC), then the defaults here;
- a ``RuntimeError`` where a GPU was asked for and Theano would silently go on without it.

``scripts/theano_build`` has the edits with which Theano is built; most of them call functions of this package.
"""

from lxmls_rnn.theano_env.build import stamp
from lxmls_rnn.theano_env.flags import settings
from lxmls_rnn.theano_env.in_use import Report, device_used, report, require_device

stamp()  # refuses a stock Theano

__all__ = ["Report", "device_used", "report", "require_device", "settings", "stamp"]
