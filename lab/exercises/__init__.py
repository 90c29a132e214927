"""The checks of the exercises behind `lab.check`, their hints and solutions, a student's progress."""
