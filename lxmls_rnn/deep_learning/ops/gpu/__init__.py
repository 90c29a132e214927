"""Ops for CUDA and OpenCL GPUs, with kernels in CLUDA, and the optimisers that insert them."""
