"""Measurement of benchmark cases: a process for each implementation, device and dtype, and a results file."""
