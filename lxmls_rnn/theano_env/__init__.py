"""Theano 1.0.5 as built by this project, with settings for this machine.

Importing this package does not import Theano; it raises an error if the installed Theano is a stock one. Every import
of Theano, also in a student's notebook, calls `load.importing`. It

- chooses a BLAS to link with, a compile cache that survives the process, flags for this processor, and a device;
- respects what the user has set: THEANO_FLAGS come first, then LXMLS_DEVICE and LXMLS_FLOATX, then ``.theanorc`` (or
  the files of THEANORC), then the defaults of this package;
- raises a ``RuntimeError`` if a GPU was requested and Theano would silently use the CPU.

``packages/theano`` builds Theano: it edits the sources and adds the package ``theano_runtime``, which compiles.
"""

from lxmls_rnn.theano_env.build import stamp

stamp()  # raises WrongTheano for a stock Theano, which has no theano_runtime
