"""What was measured, for people: tables, ratios, series, pictures, two files compared."""
