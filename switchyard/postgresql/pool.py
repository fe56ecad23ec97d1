"""Has the threads of a process share a few connections."""

from math import inf
from typing import Any

from django.db import Error, connections

from switchyard.conf import conf
from switchyard.postgresql.circuit import Circuit
from switchyard.postgresql.mixin import DatabaseMixin

#: How long a thread waits for a connection of the pool, in a worker: long transactions may have all of them.
TASK_WAIT_SECONDS = 30
#: In web, where each thread can have one, so that only a database which is away makes anybody wait. With the
#: half of it that an idle connection is asked for before, it is answered within 2 s.
REQUEST_WAIT_SECONDS = 1.2
#: Under ASGI, where each request has a thread for its synchronous part: more than there are connections.
ASYNC_WAIT_SECONDS = 5.0
#: What a statement waits for an address that is gone. A server that is there and computes has its time.
REQUEST_SILENCE_MILLISECONDS = 2000
#: For so long the pool itself tries again, after 1 s and after 2; then who waits has it begin anew. By its
#: own measure it would wait twice as long each time, and miss a database that is back by a minute.
RECONNECT_SECONDS = 3.0


def share_connections(
    *, wait_seconds: float, between_transactions: bool = False, impatient: bool = False
) -> None:
    """Have the threads share SWITCHYARD_POOL_SIZE connections to each database, unless it has a pool.

    To be called before they begin. A thread holds one from its first query to the end of its task or request;
    with ``between_transactions`` only for a transaction at a time (``postgresql.pooling``). ``impatient`` are
    those whom somebody waits for: none of them waits for a database that is known to be away.
    """
    for database in connections:
        if isinstance(connections[database], DatabaseMixin):
            _share(connections[database], wait_seconds, between_transactions)
            if impatient:
                _hurry(connections[database].settings_dict["OPTIONS"])


def fill(threads: int) -> None:
    """Open a connection for each of so many threads, as far as the pools allow, and a database is there.

    For who answers at once: a pool opens one after the other, while those who ask at the same time wait, and
    those of a process that is new are told that the database is away. What is not used is closed in time.
    """
    for database in connections:
        if pool := getattr(connections[database], "pool", None):
            _fill(connections[database], min(threads, pool.max_size))


def _fill(connection: Any, count: int) -> None:
    held = [connection.copy() for _ in range(count)]
    try:
        for each in held:
            each.ensure_connection()
    except Error:
        # Whoever asks for something is told.
        return
    finally:
        for each in held:
            each.close()


def _share(connection: Any, wait_seconds: float, between_transactions: bool) -> None:
    database = connection.settings_dict
    options = database.setdefault("OPTIONS", {})
    # One that is open is not the pool's to take back, and a pool that is there was made for other options.
    connection.close()
    connection.close_pool()
    if conf.POOL_SIZE and "pool" not in options:
        options["pool"] = {
            "min_size": 1,
            "max_size": conf.POOL_SIZE,
            "timeout": wait_seconds,
            "reconnect_timeout": RECONNECT_SECONDS,
            "reconnect_failed": _begin_anew,
        }
        database["CONN_MAX_AGE"] = 0
    if "pool" in options:
        # Django's own look is a round trip each time; ours is not (postgresql.health).
        database["CONN_HEALTH_CHECKS"] = False
        database.setdefault("TRANSACTION_POOLING", between_transactions)


def _hurry(options: dict[str, Any]) -> None:
    options.setdefault("tcp_user_timeout", REQUEST_SILENCE_MILLISECONDS)
    if isinstance(options.get("pool"), dict):
        options["pool"].setdefault(
            "connection_class", Circuit(conf.WEB_QUERY_SECONDS or inf).connection_class
        )


def _begin_anew(pool: Any) -> None:
    """For who waits; for nobody it does when somebody asks."""
    if pool.get_stats().get("requests_waiting"):
        pool.check()
