"""Cases, and how they are measured: a process for each implementation on each device, rows in a file."""
