"""Reaches RabbitMQ: its address, its management API, and the topology that is declared on it."""
