"""What a role needs before it can work: it waits a bounded time, says for what, and then says why it gave up.

A need that time cannot mend (wrong password, missing vhost) ends the wait at once.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from amqp.exceptions import AccessRefused, NotAllowed, NotFound, ResourceLocked
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection
from kombu.exceptions import OperationalError as BrokerError

from app.broker.address import address
from app.queues import QueueSpec

#: Exit code of a role whose need was not met, beside 1 (a check found something) and 2 (wrong usage).
UNAVAILABLE = 3
POLL_SECONDS = 1.0
CONNECT_SECONDS = 3

log = structlog.get_logger("app.needs")


class NotYet(Exception):
    """The need is not met at this moment. Says what is missing."""


class Unavailable(CommandError):
    """A need was not met in time, or never will be. Says what, and what to change."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, returncode=UNAVAILABLE)


def database_server() -> None:
    """Wait until the database answers."""
    _wait_for("the database", _look_at_database)


def database() -> None:
    """Wait until the database answers and has every migration of this release."""
    _wait_for("the database and its migrations", _look_at_migrations)
    connection.close()


def broker() -> None:
    """Wait until the broker lets us in."""
    _wait_for("the broker", _look_at_broker)


def topology(spec: QueueSpec) -> None:
    """Wait until the queue's dead-letter queue is there: without it a failed task would be lost silently."""
    _wait_for(f"the queue {spec.dead_letter_queue}", lambda: _look_at_queue(spec.dead_letter_queue))


def node_name(name: str) -> None:
    """Wait until no other worker of this name is connected: Celery would refuse it, again and again."""
    _wait_for(f"the name {name}", lambda: _look_at_name(name))


def _wait_for(what: str, look: Callable[[], None]) -> None:
    deadline = time.monotonic() + settings.WAIT_SECONDS
    said = ""
    while True:
        try:
            return look()
        except NotYet as missing:
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"Gave up after {settings.WAIT_SECONDS} s (WAIT_SECONDS): {missing}"
                ) from missing
            if str(missing) != said:
                said = str(missing)
                log.warning("waiting", need=what, missing=said)
        time.sleep(POLL_SECONDS)


def _look_at_database() -> None:
    try:
        # Not through Django's pool: it would try again in the background for half a minute.
        psycopg.connect(**connection.get_connection_params(), connect_timeout=CONNECT_SECONDS).close()
    except psycopg.OperationalError as error:
        where = connection.settings_dict
        raise NotYet(
            f"PostgreSQL at {where['HOST'] or 'its socket'}:{where['PORT'] or 5432} did not answer "
            f"({_first_line(error)}). Start it or correct DATABASE_URL."
        ) from error


def _look_at_migrations() -> None:
    _look_at_database()
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotYet(f"{len(missing)} migrations are not applied. Run `python -m app release`.")


def _look_at_broker() -> None:
    with _connection():
        pass


def _look_at_queue(name: str) -> None:
    with _connection() as broker_connection:
        channel: Any = broker_connection.default_channel
        try:
            channel.queue_declare(name, passive=True)
        except NotFound as error:
            raise NotYet(f"The queue {name} does not exist. Run `python -m app topology apply`.") from error


def _look_at_name(name: str) -> None:
    with _connection() as broker_connection:
        channel: Any = broker_connection.default_channel
        try:
            channel.queue_declare(f"{name}.celery.pidbox", passive=True)
        except NotFound:
            return
        except ResourceLocked as error:
            raise NotYet(
                f"A worker named {name} is connected already. End it, or start this one with --name."
            ) from error


def _connection() -> Connection:
    """An open connection. Raises NotYet or Unavailable with one sentence."""
    url = settings.CELERY_BROKER_URL
    where = address(url)
    link = Connection(url, connect_timeout=CONNECT_SECONDS, ssl=settings.CELERY_BROKER_USE_SSL)
    try:
        return link.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS, interval_start=0)
    except AccessRefused as error:
        raise Unavailable(
            f"RabbitMQ at {where.host}:{where.port} refused the user {where.user!r}: wrong name or password. "
            "Correct BROKER_URL."
        ) from error
    except NotAllowed as error:
        raise Unavailable(
            f"RabbitMQ at {where.host}:{where.port} has no vhost {where.vhost!r}, or {where.user!r} may not "
            "enter it. Create the vhost and its permissions, or correct BROKER_URL."
        ) from error
    except (BrokerError, OSError) as error:
        raise NotYet(
            f"RabbitMQ at {where.host}:{where.port} did not answer ({_first_line(error)}). Start it or "
            "correct BROKER_URL."
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
