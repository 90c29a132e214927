"""Training panel: training of taggers and curves of runs."""
