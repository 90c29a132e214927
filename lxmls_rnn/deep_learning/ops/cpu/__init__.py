"""Ops for the CPU: descriptions in Python, computations in C and C++."""
