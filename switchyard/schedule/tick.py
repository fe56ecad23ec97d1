"""Sends entries for a due time, in one transaction that also says so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from celery import Celery
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from switchyard.postgresql.limits import set_limits
from switchyard.schedule.call import call_of, task_id_of
from switchyard.schedule.decision import SENT_BEFORE, Decision, Verdict, decide
from switchyard.schedule.rows import (
    delete_ticks,
    forget_refusals,
    insert_ticks,
    locked_entries,
    move_clocks,
    moved,
    note_refusals,
)

#: Milliseconds after which PostgreSQL ends what a tick left open. A beat that was frozen in the middle of a
#: transaction would hold the entries' rows until it wakes up.
OPEN_AT_MOST = 5000


@transaction.atomic
def tick(keys: Sequence[int], now: datetime, app: Celery) -> list[Decision]:
    """Deal with one due time of each of these entries that has one, by the rows as they are now.

    Exactly once: the rows are locked, (entry, due time) is unique, and the messages are written by the same
    transaction. Only columns of beat's own are updated, so an edit in the admin is never undone. A row that
    somebody else has locked is left to the next look. However many entries there are, the statements are
    the same few; what one of them raises may be about any entry, and with one key about that one.
    """
    _bound_waits()
    entries = locked_entries(keys)
    before = {entry.pk: moved(entry.clock) for entry in entries}
    decisions = [decide(entry, now) for entry in entries]
    _send([each for each in decisions if each.verdict is Verdict.SEND], app)
    refused = [each for each in decisions if each.verdict is Verdict.REFUSE]
    for each in refused:
        each.clock.missed_at = now
    note_refusals({each.entry.pk: each.reason for each in refused}, now)
    move_clocks([each.clock for each in decisions if moved(each.clock) != before[each.entry.pk]])
    sent = [each.entry.pk for each in decisions if each.verdict is Verdict.SEND]
    _count(sent)
    forget_refusals(sent)
    _disable([each.entry.pk for each in decisions if each.is_last])
    return decisions


def _bound_waits() -> None:
    set_limits(
        idle_in_transaction_session_timeout=OPEN_AT_MOST,
        statement_timeout=OPEN_AT_MOST,
        lock_timeout=OPEN_AT_MOST,
    )


def _send(decisions: Sequence[Decision], app: Celery) -> None:
    """What has a row was sent before: by another beat, or before a clocked entry was enabled again.

    What cannot be sent is refused, leaves no row, and waits for its next due time.
    """
    rows = {each.entry.name: _row(each.entry, each.due_at) for each in decisions if each.due_at}
    new = insert_ticks(list(rows.values()))
    for each in decisions:
        if each.entry.name in new:
            _send_one(each, str(rows[each.entry.name]["task_id"]), app)
        else:
            each.verdict, each.reason = Verdict.SKIP, SENT_BEFORE
    delete_ticks([rows[each.entry.name] for each in decisions if each.verdict is Verdict.REFUSE])


def _row(entry: PeriodicTask, due: datetime) -> dict[str, Any]:
    return {"entry": entry.name, "due_at": due, "task_id": task_id_of(entry, due)}


def _send_one(decision: Decision, task_id: str, app: Celery) -> None:
    """Nothing is written here: the commit inserts the messages of all entries at once."""
    try:
        call = call_of(decision.entry, app)
        call.task.apply_async_on_commit(call.args, call.kwargs, task_id=task_id, **call.options)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this entry, the others go on
        decision.verdict, decision.reason = Verdict.REFUSE, str(error)


def _count(keys: Sequence[int]) -> None:
    if keys:
        counted = F("total_run_count") + 1
        PeriodicTask.objects.filter(pk__in=keys).update(last_run_at=Now(), total_run_count=counted)


def _disable(keys: Sequence[int]) -> None:
    if keys:
        PeriodicTask.objects.filter(pk__in=keys).update(enabled=False, total_run_count=0)
