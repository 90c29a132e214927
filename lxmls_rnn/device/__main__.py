"""`python -m lxmls_rnn.device`: run a test kernel, print a sentence and, on a second line, the fault."""

import sys

from lxmls_rnn.device import choose

choice = choose(prove=True)
print(choice.sentence, choice.problem.value if choice.problem else "", sep="\n")
sys.exit(0 if choice.device else 1)
