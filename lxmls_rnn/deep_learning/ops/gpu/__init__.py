"""The Ops for a GPU, CUDA or OpenCL, and what puts them in the place of the CPU's; kernels in CLUDA."""
