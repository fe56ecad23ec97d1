"""Says what is in a database of another installation, and what becomes of it: kept, held or discarded."""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from switchyard.identity.installation import identity, installation, write
from switchyard.outbox.models import Message

#: Lines of what waits that are shown.
MOST = 20

_WAITING = """
    SELECT task, queue, count(*), count(quarantined_at), min(created_at) FROM switchyard_outbox
    GROUP BY task, queue ORDER BY count(*) DESC LIMIT %s
"""
_DUE = """
    SELECT entry.name, entry.task FROM switchyard_schedule_clock AS clock
    JOIN django_celery_beat_periodictask AS entry ON entry.id = clock.entry_id
    WHERE clock.due_at <= clock_timestamp() ORDER BY clock.due_at LIMIT %s
"""
# As after an edit: an entry has missed nothing before it.
_COUNT_ANEW = """
    UPDATE switchyard_schedule_clock SET schedule = '', counts_from = clock_timestamp(),
        edited_at = clock_timestamp(), last_due_at = NULL, due_at = 'epoch'
"""


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many messages were held or discarded, and how many entries begin to count anew."""

    messages: int = 0
    entries: int = 0


def contents() -> dict[str, Any]:
    """Whose it is, whose the settings are, and what relay and beat would begin with."""
    found = identity()
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [MOST])
        waiting = [
            {
                "task": task,
                "queue": queue,
                "messages": count,
                "in_quarantine": held,
                "oldest": oldest.isoformat(timespec="seconds"),
            }
            for task, queue, count, held, oldest in cursor.fetchall()
        ]
        cursor.execute(_DUE, [MOST])
        due = [{"entry": name, "task": task} for name, task in cursor.fetchall()]
    return {
        "database": str(found) if found else None,
        "settings": str(installation()),
        "outbox": waiting,
        "due": due,
    }


@transaction.atomic
def keep(by: str) -> Adopted:
    """What waits is sent, and what was missed follows its entry's rule."""
    write(f"{by}: keep")
    return Adopted()


@transaction.atomic
def hold(by: str) -> Adopted:
    """What waits goes into quarantine, to be looked at; nothing was missed."""
    reason = f"held by adopt-database: was accepted by {identity() or 'nobody knows whom'}"
    waiting = Message.objects.filter(quarantined_at=None)
    messages = waiting.update(quarantined_at=Now(), reason=reason)
    write(f"{by}: hold")
    return Adopted(messages, _miss_nothing())


@transaction.atomic
def discard(by: str) -> Adopted:
    """The outbox is emptied, its quarantine too; nothing was missed."""
    messages, _ = Message.objects.all().delete()
    write(f"{by}: discard")
    return Adopted(messages, _miss_nothing())


def _miss_nothing() -> int:
    """Of entries for one moment, those whose moment is over are disabled: they have no other."""
    PeriodicTask.objects.filter(enabled=True, clocked__clocked_time__lte=Now()).update(enabled=False)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ANEW)
        return int(cursor.rowcount)
