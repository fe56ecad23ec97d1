"""Runs the roles: what they wait for, their logs, their probes, and the one entry to all of them."""
