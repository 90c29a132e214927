"""The choice of Theano's device, and the list of problems that keep it from a GPU, each with what to do.

A device is asked for by name: ``cpu``, ``cuda`` (the first GPU), ``cuda1``, ``opencl0:0``; or by ``auto``, which is
the GPU where one can be used and else the CPU. The name comes from LXMLS_DEVICE. The Docker image has its users set
LAB_DEVICE instead, which its compose file hands on: the file that LXMLS_ADVICE names says so, and what to do there.

``python -m lxmls_rnn.device`` runs a first kernel there and prints the sentence; its exit status is 1 where what is
asked for by name cannot be had.
"""

from lxmls_rnn.device.choice import Choice, choose, resolve
from lxmls_rnn.device.problems import GpuLost, Problem, advice, problem, problems_of, trial, variable

__all__ = ["Choice", "GpuLost", "Problem", "advice", "choose", "problem", "problems_of", "resolve", "trial", "variable"]
