"""Work in the kernel of a notebook: background jobs, time limits of student code, warnings, notices."""
