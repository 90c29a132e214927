"""Read and write files: atomically, with bounds, and with errors that name the file."""
