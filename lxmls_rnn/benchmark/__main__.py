"""`python -m lxmls_rnn.benchmark` is `lxmls-rnn bench`."""

from lxmls_rnn.benchmark.cli import app

if __name__ == "__main__":
    app(prog_name="python -m lxmls_rnn.benchmark")
