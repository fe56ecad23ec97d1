"""What is seen of how a message is written, when it ends and where it goes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db import transaction

from declared import tasks_settings as tasks
from declared.rows import notes, row

COMPRESSED = ["application/x-gzip, 2,000,000 characters"] * 2


@row('`compression="gzip"`', here=COMPRESSED, stock=COMPRESSED)
def compression() -> list[str]:
    key, text = uuid4().hex, "x" * 2_000_000
    tasks.compressed.delay(key, text)
    with transaction.atomic():
        tasks.compressed.delay_on_commit(key, text)
    return notes(key, 2)


@row("`expires` without a time zone", here=["in time", "in time"], stock=["in time", "in time"])
def naive_expiry() -> list[str]:
    """What is over goes first, and would be said first."""
    key, now = uuid4().hex, datetime.now(UTC).replace(tzinfo=None)
    for send in (tasks.says.apply_async, tasks.says.apply_async_on_commit):
        send((key, "too late"), expires=now - timedelta(seconds=5))
        send((key, "in time"), expires=now + timedelta(minutes=5))
    return notes(key, 2)


@row(
    '`queue="celery"`', here=["run 0 in work", "run 1 in work"], stock=["run 0 in celery", "run 1 in celery"]
)
def named_queue() -> list[str]:
    key = uuid4().hex
    tasks.named_queue.delay(key)
    return notes(key, 2)


@row("`CELERY_BEAT_SCHEDULE`", here=["tick", "tick"], stock=["tick", "tick"])
def beat_schedule() -> list[str]:
    return notes("beat", 2)[:2]


URGENT = ["run 0 at 5", "run 1 at 5", "run 0 at 7", "run 1 at 7", "run 0 at 5", "run 1 at 5"]


@row("`priority=5`", here=URGENT, stock=URGENT)
def priority() -> list[str]:
    """By its decorator, by another at the call, and with a commit; the retry keeps it."""
    keys = [uuid4().hex for _ in range(3)]
    tasks.urgent.delay(keys[0])
    tasks.urgent.apply_async((keys[1],), priority=7)
    tasks.urgent.delay_on_commit(keys[2])
    return [text for key in keys for text in notes(key, 2)]


LIMITED = ["limited", "not limited", "limited"]


@row('`rate_limit="6/m"`', here=LIMITED, stock=LIMITED)
def rate_limit() -> list[str]:
    """What waits for its turn is in nobody's way."""
    key = uuid4().hex
    for _ in range(2):
        tasks.limited.delay(key, "limited")
    notes(key, 1)
    tasks.says.delay(key, "not limited")
    return notes(key, 3)
