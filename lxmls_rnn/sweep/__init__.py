"""Sweeps: a grid of settings and seeds, trained by Dask workers and compared on the dev part."""
