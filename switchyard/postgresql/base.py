"""Django's PostgreSQL backend, whose commit takes the outbox along (``ENGINE = "switchyard.postgresql"``)."""

from django.db.backends.postgresql import base

from switchyard.outbox.sending import OutboxCommit


class DatabaseWrapper(OutboxCommit, base.DatabaseWrapper):
    pass
