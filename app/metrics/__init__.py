"""What the queues look like from outside: one process that asks the broker and answers Prometheus."""
