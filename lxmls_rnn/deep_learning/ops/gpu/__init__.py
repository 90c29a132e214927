"""Ops for CUDA GPUs, with kernels in CLUDA, and the optimisers that insert them."""
