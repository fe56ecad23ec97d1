"""Django's backend of PostgreSQL with what the engine needs (``ENGINE = "switchyard.postgresql"``)."""

from django.db.backends.postgresql import base

from switchyard.postgresql.mixin import DatabaseMixin


class DatabaseWrapper(DatabaseMixin, base.DatabaseWrapper):
    pass
