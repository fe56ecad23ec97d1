"""Exports what the service looks like from outside, and serves what each role counts."""
