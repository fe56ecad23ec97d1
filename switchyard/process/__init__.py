"""What runs as a process: the roles, what they wait for, their logs and their probes."""
