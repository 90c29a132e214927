"""`python -m lxmls_rnn.device`."""

import sys

from lxmls_rnn.device import main

sys.exit(main())
