"""What a developer declares and calls: the task base, effects that happen once, results, and their checks."""
