"""HTML and pictures from numbers: no widgets."""
