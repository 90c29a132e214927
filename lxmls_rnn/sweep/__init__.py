"""Many trainings at once: a grid of settings and seeds, trained by Dask's workers, compared on dev."""
