"""Commits the outbox along with Django's transaction (``ENGINE = "switchyard.postgresql"``)."""

from django.db.backends.postgresql import base

from switchyard.outbox.sending import OutboxCommit


class DatabaseWrapper(OutboxCommit, base.DatabaseWrapper):
    pass
