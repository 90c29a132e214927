"""The Ops for the CPU: Python that describes them, C and C++ that compute."""
