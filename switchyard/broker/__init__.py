"""RabbitMQ as this service uses it: its address, its management API, the topology declared on it."""
