"""Says what the alerts would say now, without waiting for them."""
