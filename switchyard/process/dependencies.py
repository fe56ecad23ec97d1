"""Waits a bounded time for what a role needs, says for what, and then why it gave up.

A need that time cannot mend (wrong password, missing vhost) ends the wait at once.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from amqp.exceptions import AccessRefused, NotFound, ResourceLocked
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from switchyard.broker.connection import opened
from switchyard.celery import attached
from switchyard.conf import conf
from switchyard.outage import NotYet, Unavailable, first_line
from switchyard.pooler import connected
from switchyard.queues import QueueSpec

POLL_SECONDS = 1.0

log = structlog.get_logger("switchyard.process")


def database_server() -> None:
    """Wait until the database answers."""
    wait_for("the database", _look_at_database)


def database() -> None:
    """Wait until the database answers and has every migration of this release."""
    wait_for("the database and its migrations", _look_at_migrations)
    connection.close()


def broker() -> None:
    """Wait until the broker lets us in."""
    wait_for("the broker", _look_at_broker)


def topology(spec: QueueSpec) -> None:
    """Wait until the queue's dead-letter queue is there: without it what fails is not where it is looked for.

    RabbitMQ 4 tells only those who have a right to it, which a worker needs for nothing else.
    """
    wait_for(f"the queue {spec.dead_letter_queue}", lambda: _look_at_queue(spec.dead_letter_queue))


def node_name(name: str) -> None:
    """Wait until no other worker of this name is connected: Celery would refuse it, again and again."""
    wait_for(f"the name {name}", lambda: _look_at_name(name))


def wait_for(what: str, look: Callable[[], None], setting: str = "WAIT_SECONDS") -> None:
    """Until ``look`` raises no NotYet, or for as long as the setting says. Raises Unavailable then."""
    within = getattr(conf, setting)
    deadline = time.monotonic() + within
    said = ""
    while True:
        try:
            return look()
        except NotYet as missing:
            if time.monotonic() >= deadline:
                raise Unavailable(f"Gave up after {within} s ({setting}): {missing}") from missing
            if str(missing) != said:
                said = str(missing)
                log.warning("waiting", need=what, missing=said)
        time.sleep(POLL_SECONDS)


def _look_at_database() -> None:
    try:
        # Not through Django's pool: it would try again in the background for half a minute.
        connected().close()
    except psycopg.ProgrammingError as error:
        raise Unavailable(
            f"No connection can be made with what DATABASES['default'] has ({first_line(error)}). "
            "Correct its OPTIONS, or DATABASE_URL."
        ) from error
    except psycopg.OperationalError as error:
        where = connection.settings_dict
        raise NotYet(
            f"PostgreSQL at {where['HOST'] or 'its socket'}:{where['PORT'] or 5432} did not answer "
            f"({first_line(error)}). Start it or correct DATABASE_URL."
        ) from error


def _look_at_migrations() -> None:
    _look_at_database()
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotYet(f"{len(missing)} migrations are not applied. Run `{conf.COMMAND} release`.")


def _look_at_broker() -> None:
    with opened():
        pass


def _look_at_queue(name: str) -> None:
    with opened() as broker_connection:
        channel: Any = broker_connection.default_channel
        try:
            channel.queue_declare(name, passive=True)
        except NotFound as error:
            raise NotYet(f"The queue {name} does not exist. Run `{conf.COMMAND} topology apply`.") from error
        except AccessRefused:
            log.info("not_looked_at", queue=name)


def _look_at_name(name: str) -> None:
    with opened() as broker_connection:
        channel: Any = broker_connection.default_channel
        try:
            channel.queue_declare(f"{name}.{attached().conf.control_exchange}.pidbox", passive=True)
        except NotFound:
            return
        except ResourceLocked as error:
            raise NotYet(
                f"A worker named {name} is connected already. End it, or start this one with --name."
            ) from error
