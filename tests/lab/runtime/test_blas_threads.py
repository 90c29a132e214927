"""BLAS in a kernel that has imported the panels."""

from jupyter_client.manager import run_kernel

SHOWN = """
import numpy
import lab.widgets
from lxmls_rnn.deep_learning.rnn import FastRNN
from threadpoolctl import threadpool_info
print([library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"])
"""


def test_numpys_and_theanos_use_one_thread(monkeypatch):
    """Two processors or more are needed to see it."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    outputs = []
    with run_kernel() as client:
        client.execute_interactive(SHOWN, output_hook=lambda message: outputs.append(message["content"]))
    printed = "".join(output["text"] for output in outputs if output.get("name") == "stdout")
    assert printed == "[1, 1]\n", outputs
