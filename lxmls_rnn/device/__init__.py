"""The device: what is there, what keeps Theano from using it, what is chosen, and what Theano really uses.

LXMLS_DEVICE names the device: ``cpu``, ``cuda`` (the first GPU), ``cuda1``; or ``auto``, which means the GPU if one can
be used and else the CPU. Users of the Docker image set LAB_DEVICE instead, and its compose file passes the value on.
The image therefore has its own texts for users, in the file that LXMLS_ADVICE names.

``python -m lxmls_rnn.device`` runs a test kernel on the device and prints a sentence about it. Its exit status is 1 if
a device that was requested by name is unavailable.
"""

from lxmls_rnn.device.choice import Choice, choose, choose_gpu
from lxmls_rnn.device.problems import Finding, GpuLost, gpu_parts, index, variable

__all__ = ["Choice", "Finding", "GpuLost", "choose", "choose_gpu", "gpu_parts", "index", "variable"]
