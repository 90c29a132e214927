"""Benchmark of the taggers: CPU and GPU; NumPy, Theano and PyTorch.

`measure` runs the benchmark. A `Case` describes one measurement. A worker is a process for one implementation, device
and dtype: it builds the tagger, compares its results with the reference and times it. `runner.Runner` lets the workers
of one group of cases take turns and yields a `Row` for every case. `results` writes the rows and a description of the
machine to a file. `show` presents such a file: `report` as tables, `plots` as pictures, `compare` against another file.
"""
