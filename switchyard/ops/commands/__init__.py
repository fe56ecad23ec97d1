"""The verbs of the people who run the service."""
