"""Django's PostgreSQL backend, whose commit takes the outbox along (``ENGINE = "app.outbox.postgres"``)."""
