"""Tasks that keep the books. The same functions serve Celery's stock settings (tests/faults/stock)."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import shared_task
from django.db import InterfaceError, OperationalError, transaction

from switchyard.database import released_database
from switchyard.routing import QUEUES
from switchyard.tasks.once import once
from tests.faults.ledger.models import Effect, Execution, Promise
from tests.polling import wait_for


@contextmanager
def execution(task: Any, key: str) -> Iterator[None]:
    run = Execution.objects.create(
        key=key,
        task_id=task.request.id,
        pid=os.getpid(),
        attempt=task.request.retries,
        started=time.time(),
        redelivered=bool((task.request.delivery_info or {}).get("redelivered")),
    )
    yield
    Execution.objects.filter(pk=run.pk).update(finished=time.time())


def effect(key: str) -> None:
    Effect.objects.create(key=key, at=time.time())


def effect_once(key: str) -> None:
    with transaction.atomic():
        if once(key):
            effect(key)


def work(task: Any, key: str, seconds: float = 0) -> None:
    """Idempotent: the effect is claimed by ``once``."""
    with execution(task, key):
        with released_database():
            time.sleep(seconds)
        effect_once(key)


def outlast(task: Any, key: str, until: str) -> None:
    """Idempotent as ``work``: the effect comes when there is a file of that name, however long that takes."""
    with execution(task, key):
        with released_database():
            wait_for(until)
        effect_once(key)


def count(task: Any, key: str, seconds: float = 0) -> None:
    """Idempotent as ``work``: it only looks, before and after, by the async ORM in a thread of asgiref's."""

    async def look() -> None:
        await Promise.objects.acount()
        await asyncio.sleep(seconds)
        await Promise.objects.acount()

    with execution(task, key):
        with released_database():
            asyncio.run(look())
        effect_once(key)


def carry(task: Any, key: str, load: str) -> None:
    """Idempotent as ``work``: the load is only carried."""
    work(task, key)


def fail(task: Any, key: str) -> None:
    """Until somebody mends it, as the key says."""
    with execution(task, key):
        if not key.startswith("mended"):
            raise ValueError(f"{key} fails every time")


def retry(task: Any, key: str, seconds: float = 1) -> None:
    """The first attempt sleeps, then asks for another one; the second has the effect."""
    with execution(task, key):
        if task.request.retries == 0:
            with released_database():
                time.sleep(seconds)
            raise task.retry(countdown=1)
        effect_once(key)


def refuse(task: Any, key: str, times: int) -> None:
    """What it asks for is refused so many times, and then done."""
    with execution(task, key):
        if task.request.retries < times:
            raise task.retry(countdown=1)
        effect_once(key)


def crash(task: Any, key: str) -> None:
    """A segmentation fault, as a broken C extension makes it."""
    with execution(task, key):
        os.kill(os.getpid(), signal.SIGSEGV)


def bomb(task: Any, key: str, megabytes: int) -> None:
    """Take memory until there is no more of it."""
    with execution(task, key):
        held = [bytearray(1_000_000) for _ in range(megabytes)]
        time.sleep(len(held) and 1)


def tick(task: Any, key: str) -> None:
    """Idempotent: the effect belongs to the message, and a tick has one."""
    name = f"{key} {task.request.id}"
    with execution(task, name):
        effect_once(name)


for queue in QUEUES:
    for habit in (work, outlast, count, carry, fail, retry, refuse, crash, bomb, tick):
        # A database that is away is no fault of the task: it is tried again, as the service does.
        away = (OperationalError, InterfaceError)
        shared_task(
            name=f"ledger.{queue}_{habit.__name__}",
            bind=True,
            autoretry_for=away,
            max_retries=20,
            retry_backoff=1,
            retry_backoff_max=10,
        )(habit)
