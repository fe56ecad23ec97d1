"""The outbox: a message is a row of the caller's transaction until the relay has brought it to the broker."""
