"""Theano 1.0.5 as this project builds it, with settings that suit this machine.

Importing this package does not import Theano; it raises an error if the installed Theano is a stock one. Theano itself
calls `load.importing` whenever it is imported, also in a student's notebook. That function

- chooses a BLAS to link with, a compile cache that survives the process, flags for this processor, and a device;
- respects what the user has set: THEANO_FLAGS come first, then LXMLS_DEVICE and LXMLS_FLOATX, then ``.theanorc`` (or
  the files of THEANORC), then the defaults of this package;
- raises a ``RuntimeError`` if a GPU was requested and Theano would silently use the CPU.

``scripts/theano_build`` has the edits with which Theano is built; most of them call functions of this package.
"""

from lxmls_rnn.theano_env.build import stamp
from lxmls_rnn.theano_env.flags import settings
from lxmls_rnn.theano_env.in_use import Report, device_used, report, require_device

stamp()  # raises WrongTheano for a stock Theano

__all__ = ["Report", "device_used", "report", "require_device", "settings", "stamp"]
