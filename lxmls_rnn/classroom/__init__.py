"""A class: notebooks handed out, work handed in and collected, progress and its table."""
