"""The installed command, its environment without colours, options of a short training, tables that it prints."""

import os
import re
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("lxmls-rnn"))
PLAIN = {**os.environ, "TERM": "dumb", "NO_COLOR": "1"}
SHORT = ["--max-nr-sent", "80", "--n-hidd", "6", "--n-emb", "8"]


def table_of(output):
    """The cells of the table in an output, line by line."""
    return [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in output.splitlines() if line[:1] in "│┃"]
