"""Each task appends a ``Run`` when it starts and completes it when it ends."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, connections, transaction

from switchyard.routing import QUEUES
from tests.gallery import enqueued as _  # noqa: F401 - so that a worker knows them
from tests.gallery.calls import WAYS as CALLS
from tests.gallery.children import WAYS
from tests.gallery.errors import RAISED, RETURNED
from tests.gallery.litter import cache_client, count_elsewhere, found, process
from tests.gallery.litter import litter as leave_behind
from tests.gallery.models import Run
from tests.gallery.sending import WAYS as SENDS
from tests.polling import wait_for

#: Key of a ``Run`` that a test makes to say so.
MENDED = "mended"
KEY_LENGTH = 60


def start(task, key: str) -> Run:
    delivery = task.request.delivery_info
    return Run.objects.create(
        key=key,
        task_id=task.request.id,
        queue=(delivery["routing_key"] or "").rpartition(".")[2],
        worker=task.request.hostname,
        attempt=task.request.retries,
        started=time.time(),
    )


def finish(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(finished=time.time())


def wait(task, key: str, seconds: float = 0) -> None:
    """Ask the database something, wait for somebody else, and ask it something again."""
    run = start(task, key)
    time.sleep(seconds)
    finish(run)


def hold(task, key: str, seconds: float) -> None:
    """Wait inside a transaction, and so with a connection."""
    with transaction.atomic():
        run = start(task, key)
        time.sleep(seconds)
        finish(run)


def lock(task, key: str, *order: int) -> None:
    """Lock numbers in this order, slowly enough to meet who does so in another order."""
    run = start(task, key)
    with transaction.atomic(), connection.cursor() as cursor:
        for number in order:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
            time.sleep(1)
    finish(run)


def give_way(task, key: str) -> None:
    """Have a transaction that PostgreSQL ends in favour of another, each time."""
    start(task, key)
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE 'could not serialize access' USING ERRCODE = '40001'; END $$")


def query(task, key: str, seconds: float) -> None:
    """Wait inside the database, and so with a connection."""
    run = start(task, key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    finish(run)


def linger(task, key: str, seconds: float) -> None:
    """Wait in small steps, and so be there when a soft limit is raised."""
    run = start(task, key)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.02)
    finish(run)


def resist(task, key: str, seconds: float) -> None:
    """Go on past a soft limit."""
    deadline = start(task, key).started + seconds
    while time.time() < deadline:
        with suppress(SoftTimeLimitExceeded):
            time.sleep(0.02)


def fail(task, key: str) -> None:
    start(task, key)
    raise ValueError(f"{key} fails every time")


def fragile(task, key: str) -> None:
    """Fail until somebody has mended it."""
    run = start(task, key)
    if not Run.objects.filter(key=MENDED).exists():
        raise ValueError(f"{key} is not mended yet")
    finish(run)


def retry(task, key: str, countdowns: list[float]) -> None:
    run = start(task, key)
    if task.request.retries < len(countdowns):
        raise task.retry(countdown=countdowns[task.request.retries])
    finish(run)


def retry_for(task, key: str, kind: str) -> None:
    """Retry once, for a reason that is hard to store or to pickle."""
    run = start(task, key)
    if task.request.retries == 0:
        raise task.retry(exc=RAISED[kind](), countdown=1)
    finish(run)


def retry_at_gate(task, key: str, gate: str) -> None:
    """Retry once, when the file ``gate`` is there, and leave a file beside it when that was tried."""
    run = start(task, key)
    if task.request.retries == 0:
        wait_for(gate)
        try:
            raise task.retry(countdown=1)
        finally:
            Path(f"{gate}.{key}").touch()
    finish(run)


def pass_gate(task, key: str, gate: str) -> str:
    """Ask the database something, wait until the file ``gate`` is there, and ask it something again."""
    run = start(task, key)
    wait_for(gate)
    finish(run)
    return key


def die(task, key: str) -> None:
    start(task, key)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(task, key: str) -> None:
    start(task, key)
    sys.exit(1)


def throw(task, key: str, kind: str) -> None:
    start(task, key)
    raise RAISED[kind]()


def give(task, key: str, kind: str) -> Any:
    finish(start(task, key))
    return RETURNED[kind]()


def keep(task, key: str) -> None:
    """Take any text, and keep of it what a database can."""
    finish(start(task, ascii(key)[:KEY_LENGTH]))


def send(task, key: str, way: str) -> None:
    """Do the work, and then send what no broker takes."""
    finish(start(task, key))
    SENDS[way](task)


def call(task, key: str, way: str) -> None:
    """Call another task, which says the key and "called"."""
    finish(start(task, key))
    CALLS[way](task, key)


def hand_on(task, key: str, name: str) -> None:
    """Do the work, and call another task by its name."""
    finish(start(task, key))
    task.app.tasks[name].delay(key)


def litter(task, key: str) -> None:
    finish(start(task, key))
    connections.close_all()
    leave_behind()


def look(task, key: str) -> None:
    """Say in the keys of rows what the tasks before have left."""
    for name, what in (found() | process()).items():
        start(task, f"{key} {name}: {what}")
    finish(start(task, f"{key} {cache_client()}"))


def count(task, key: str) -> None:
    count_elsewhere()
    finish(start(task, key))


def have_children(task, key: str, way: str) -> None:
    WAYS[way]()
    finish(start(task, key))


@shared_task(name="gallery.cpu_part", bind=True, ignore_result=False)
def part(task, key: str, seconds: float, retry: bool) -> str:
    run = start(task, key)
    time.sleep(seconds)
    if retry and task.request.retries == 0:
        raise task.retry(countdown=1)
    finish(run)
    return key


@shared_task(name="gallery.cpu_join", bind=True)
def join(task, parts: list[str], key: str) -> None:
    finish(start(task, f"{key}:{','.join(parts)}"))


HABITS = (
    wait,
    hold,
    lock,
    give_way,
    query,
    linger,
    resist,
    fail,
    fragile,
    retry,
    retry_for,
    retry_at_gate,
    pass_gate,
    die,
    leave,
    throw,
    give,
    keep,
    send,
    call,
    hand_on,
    litter,
    look,
    count,
    have_children,
)
for queue in QUEUES:
    for habit in HABITS:
        shared_task(name=f"gallery.{queue}_{habit.__name__}", bind=True)(habit)
