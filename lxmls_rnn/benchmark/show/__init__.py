"""Presentation of benchmark results: tables, ratios, series, pictures, comparisons of two files."""
