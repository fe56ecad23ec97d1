"""Runs tasks: limits, drain, refusals, and what a worker counts."""
