"""Inspects, replays and discards what failed for good, and records both."""
