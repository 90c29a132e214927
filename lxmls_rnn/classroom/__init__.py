"""The work of a class: hand notebooks out and work in, collect it, and show the progress of all students in a table."""
