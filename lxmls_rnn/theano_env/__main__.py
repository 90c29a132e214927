"""`python -m lxmls_rnn.theano_env --install`."""

import sys

from lxmls_rnn.theano_env import write_pth

if sys.argv[1:] != ["--install"]:
    sys.exit("usage: python -m lxmls_rnn.theano_env --install")
print(f"wrote {write_pth()}")
