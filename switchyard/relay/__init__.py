"""Brings the outbox to the broker: batches, pipelined confirms, and what was refused."""
