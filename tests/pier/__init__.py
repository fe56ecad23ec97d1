"""An app whose migrations stand in for a service's: each locks, in its own way, a table that is in use."""
