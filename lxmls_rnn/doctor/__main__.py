"""`python -m lxmls_rnn.doctor`."""

import sys

from lxmls_rnn.doctor import main

sys.exit(main())
