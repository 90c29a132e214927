"""Which device Theano is to use; and where it cannot be a GPU, in one sentence, why and what to do.

A device is asked for by name: ``cpu``, ``cuda`` (the first GPU), ``cuda1``, ``opencl0:0``; or by ``auto``, which is
the GPU where one can be used and else the CPU. Outside the Docker image the name comes from LXMLS_DEVICE, in the image
from LAB_DEVICE, which its compose file hands on under that other name.

``python -m lxmls_rnn.device`` runs a first kernel there and prints the sentence; its exit status is 1 where what is
asked for by name cannot be had.
"""

from lxmls_rnn.device.choice import Choice, choose, main, resolve
from lxmls_rnn.device.problems import Problem, in_image, problem, trial, variable

__all__ = ["Choice", "Problem", "choose", "in_image", "main", "problem", "resolve", "trial", "variable"]
