"""The one door to Theano: settings before its import, mends and a check of the device after.

Importing this package does not import Theano. The hook that ``lxmls_rnn`` installs when it is imported hands it the
next ``import theano``, here or in a student's notebook, which then finds what it needs:

- a BLAS to link with, a compile cache that survives the process, flags for this processor, a device;
- what the user has set, untouched: THEANO_FLAGS come first, then LXMLS_DEVICE and LXMLS_FLOATX, then
  ``.theanorc`` (or the files of THEANORC), then the defaults here;
- a ``RuntimeError`` where a GPU was asked for and Theano would silently go on without it.

``python -m lxmls_rnn.theano_env --install`` makes a plain ``import theano`` do so in the running Python's
environment, ``lxmls_rnn`` imported or not.
"""

from lxmls_rnn.theano_env.door import PTH_NAME, Report, report, write_pth
from lxmls_rnn.theano_env.flags import settings
from lxmls_rnn.theano_env.load import device_used, require_device

__all__ = ["PTH_NAME", "Report", "device_used", "report", "require_device", "settings", "write_pth"]
