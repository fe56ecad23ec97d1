"""Runs the verbs of the people who run the service."""
