"""Work in the kernel of a notebook: background jobs, warnings, notices; student code in a child process."""
