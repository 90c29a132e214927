"""CPU against GPU, NumPy against Theano against PyTorch: what is measured, how, and what comes of it.

In `measure` a `Case` says what is measured. A worker, a process for one implementation on one device, builds it,
compares its numbers with the reference and times it. `runner.Runner` lets the workers of the same work take turns and
yields a `Row` for every case; `results` keeps rows and the machine's description in a file. `show` reads it: `report`,
`plots` and `compare`.
"""
