"""What the service looks like from outside: the exporter, and what every role serves of itself."""
