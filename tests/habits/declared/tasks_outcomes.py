"""Tasks that end in a way of their own, and the app's tasks that say what became of them."""

import psycopg
from amqp.exceptions import ConnectionForced
from celery import shared_task
from kombu import Connection
from kombu.exceptions import OperationalError

from declared.tasks import note


def _another_broker() -> None:
    Connection("pyamqp://nobody@127.0.0.1:1//").ensure_connection(max_retries=1, timeout=1)


def _another_pool() -> None:
    pool = Connection("memory://").Pool(1)
    with pool.acquire():
        pool.acquire()


def _another_database() -> None:
    psycopg.connect("postgresql://nobody@127.0.0.1:1/none", connect_timeout=1)


def _raised(error: Exception) -> None:
    raise error


FAULTS = {
    "kombu": lambda: _raised(OperationalError("of its own")),
    "amqp": lambda: _raised(ConnectionForced("of its own")),
    "socket": lambda: _raised(ConnectionError("of its own")),
    "another broker": _another_broker,
    "another pool": _another_pool,
    "another database": _another_database,
}


@shared_task(bind=True, max_retries=0, ignore_result=False)
def fails_of_its_own(self, key: str, fault: str) -> None:
    note(key, fault)
    FAULTS[fault]()
