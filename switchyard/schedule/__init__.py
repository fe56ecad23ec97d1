"""Decides what is due and sends it: the scheduler that beat runs."""
