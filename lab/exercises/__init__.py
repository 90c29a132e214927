"""What stands behind `lab.check`: the checks of the exercises, their hints, their solutions, a student's progress."""
