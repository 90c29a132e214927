"""The installed command, its environment without colours, and options of a short training."""

import os
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("lxmls-rnn"))
PLAIN = {**os.environ, "TERM": "dumb", "NO_COLOR": "1"}
SHORT = ["--max-nr-sent", "80", "--n-hidd", "6", "--n-emb", "8"]
