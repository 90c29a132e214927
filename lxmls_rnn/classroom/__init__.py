"""The work of a class: hand it in, collect it, and show the progress of all students in a table."""
