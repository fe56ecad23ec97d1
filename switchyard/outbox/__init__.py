"""Keeps a message as a row of the caller's transaction until the relay has brought it to the broker."""
