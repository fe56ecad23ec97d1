"""Has the threads of a process share a few connections."""

from typing import Any

from django.db import connections

from switchyard.conf import conf
from switchyard.postgresql.mixin import DatabaseMixin

#: How long a thread waits for a connection of the pool, in a worker: long transactions may have all of them.
TASK_WAIT_SECONDS = 30
#: In web, where each thread can have one, so that only a database which is away makes anybody wait.
REQUEST_WAIT_SECONDS = 5


def share_connections(*, wait_seconds: float, between_transactions: bool = False) -> None:
    """Have the threads share SWITCHYARD_POOL_SIZE connections to each database, unless it has a pool.

    To be called before they begin. A thread holds one from its first query to the end of its task or request;
    with ``between_transactions`` only for a transaction at a time (``postgresql.pooling``).
    """
    for database in connections:
        if isinstance(connections[database], DatabaseMixin):
            _share(connections[database], wait_seconds, between_transactions)


def _share(connection: Any, wait_seconds: float, between_transactions: bool) -> None:
    database = connection.settings_dict
    options = database.setdefault("OPTIONS", {})
    # One that is open is not the pool's to take back, and a pool that is there was made for other options.
    connection.close()
    connection.close_pool()
    if conf.POOL_SIZE and "pool" not in options:
        options["pool"] = {"min_size": 1, "max_size": conf.POOL_SIZE, "timeout": wait_seconds}
        database["CONN_MAX_AGE"] = 0
    if "pool" in options:
        # Django's own look is a round trip each time; ours is not (postgresql.health).
        database["CONN_HEALTH_CHECKS"] = False
        database.setdefault("TRANSACTION_POOLING", between_transactions)
