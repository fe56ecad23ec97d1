"""Gives a developer what a task needs: its base, effects that happen once, results, and checks."""
