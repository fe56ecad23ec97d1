"""Makes any backend of PostgreSQL's one that the engine can rely on.

A project whose database is served by another backend (PostGIS, tenants, a pool of its own) has a module
``base`` in a package, names the package as its ENGINE, and lets the class there begin with this one:

    # yours/database/base.py, with ENGINE = "yours.database"
    from django.contrib.gis.db.backends.postgis import base
    from switchyard import DatabaseMixin

    class DatabaseWrapper(DatabaseMixin, base.DatabaseWrapper): ...

A backend that pools its connections by itself needs ``SWITCHYARD_POOL_SIZE = 0``; with
``TRANSACTION_POOLING`` in its DATABASES entry it too gets a connection back after each transaction. A pool of
Django's own (``OPTIONS["pool"]``) stays as the project has it.
"""

from switchyard.outbox.sending import OutboxCommit
from switchyard.postgresql.health import HealthCheck
from switchyard.postgresql.name import Named
from switchyard.postgresql.pooling import TransactionPooling
from switchyard.postgresql.session import SessionState
from switchyard.postgresql.timeouts import Timeouts


class DatabaseMixin(TransactionPooling, HealthCheck, SessionState, Timeouts, Named, OutboxCommit):
    """Commits the outbox along, lends connections for a transaction at a time, leaves dead ones out.

    The first of a backend's bases:

        class DatabaseWrapper(DatabaseMixin, postgis.base.DatabaseWrapper): ...

    Everybody else's ENGINE is ``switchyard.postgresql``, which is this over Django's own.
    """
