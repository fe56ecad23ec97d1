"""Tasks that end in a way of their own, and the app's tasks that say what became of them."""

import psycopg
from amqp.exceptions import ConnectionForced
from celery import group, shared_task
from celery.exceptions import Ignore
from kombu import Connection
from kombu.exceptions import OperationalError
from shop.models import Note

from declared.tasks import note
from tests.polling import eventually


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


@shared_task(ignore_result=True)
def keeps_nothing() -> str:
    return "nothing that anybody could read"


@shared_task(bind=True, ignore_result=False)
def ignores(self, key: str) -> None:
    note(key, "run")
    raise Ignore


@shared_task(bind=True, ignore_result=False)
def is_replaced(self, key: str) -> None:
    self.replace(says.s(key))


@shared_task(bind=True, ignore_result=False)
def is_replaced_by_a_group(self, key: str) -> None:
    self.replace(group(says.s(key), says.s(key)))


@shared_task(ignore_result=False)
def says(key: str) -> str:
    note(key, "in its place")
    return key


@shared_task(ignore_result=False)
def comes_after(before: object, key: str) -> None:
    note(key, "after")


@shared_task(bind=True, ignore_result=False)
def tells_progress(self, key: str) -> None:
    self.update_state(state="PROGRESS", meta={"done": 1})
    note(key, "begun")
    eventually(Note.objects.filter(key=f"{key} seen").exists, within=15)


@shared_task(ignore_result=False, track_started=True)
def is_tracked(key: str) -> None:
    note(key, "begun")
    eventually(Note.objects.filter(key=f"{key} seen").exists, within=15)


@shared_task(typing=False)
def takes_one(key: str) -> None:
    note(key)


@shared_task(throws=(LookupError,))
def throws() -> None:
    raise LookupError("as expected")


@shared_task(bind=True, ignore_result=False)
def calls_another(self, key: str) -> None:
    says.delay(key)


@shared_task(bind=True, ignore_result=False, trail=False)
def calls_without_a_trail(self, key: str) -> None:
    says.delay(key)
