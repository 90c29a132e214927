"""Results of the benchmark for people: tables, ratios, series, pictures, comparisons of two files."""
