"""Beat: what is due, when, and the scheduler that sends it."""
