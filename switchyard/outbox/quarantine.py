"""Requeues and discards what the broker refused for the message's own fault."""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Func, QuerySet, Value
from django.db.models.functions import Now

from switchyard.installation import CHANNEL
from switchyard.outbox.models import Message

_NEXT = Func(
    Value("switchyard_outbox"), Value("id"), template="nextval(pg_get_serial_sequence(%(expressions)s))"
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which quarantined messages are meant: all, unless something is said. Text is a part of its column."""

    keys: tuple[int, ...] = ()
    task: str = ""
    reason: str = ""
    limit: int | None = None


def quarantined(filters: Filters) -> QuerySet[Message]:
    """Oldest first."""
    found = Message.objects.filter(quarantined_at__isnull=False)
    if filters.keys:
        found = found.filter(pk__in=filters.keys)
    if filters.task:
        found = found.filter(task__contains=filters.task)
    if filters.reason:
        found = found.filter(reason__contains=filters.reason)
    return found.order_by("pk")[: filters.limit]


@transaction.atomic
def requeue(filters: Filters) -> int:
    """Have the relay publish them again, as the messages that they are. Returns how many.

    Under new numbers: the relay has passed their old ones.
    """
    count = Message.objects.filter(pk__in=_locked(filters)).update(
        id=_NEXT, quarantined_at=None, reason="", created_at=Now()
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_notify({CHANNEL}, '')")
    return count


@transaction.atomic
def discard(filters: Filters) -> int:
    """Delete them for good. Returns how many."""
    deleted, _ = Message.objects.filter(pk__in=_locked(filters)).delete()
    return deleted


def as_object(message: Message) -> dict[str, Any]:
    """One line of what the commands show."""
    return {
        "id": message.pk,
        "task": message.task,
        "task_id": message.task_id,
        "queue": message.queue,
        "quarantined_at": f"{message.quarantined_at:%Y-%m-%dT%H:%M:%SZ}",
        "reason": message.reason,
    }


def _locked(filters: Filters) -> list[int]:
    """Two people at once do not count the same message."""
    return list(quarantined(filters).select_for_update().values_list("pk", flat=True))
