"""Replays and discards dead letters, each exactly once.

RabbitMQ cannot publish to one queue and take out of another at once. The database can: the record of the
action and, for a replay, the message in the outbox are one transaction, and only then the dead letter is
taken out. Killed in between, it is still there, and the next run finds its record and only takes it out.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from kombu.utils import json

from switchyard.celery import tasks
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.models import Action, Copy, Job, Verb
from switchyard.outbox.header_rules import SENT_AT
from switchyard.outbox.moments import countdown_of
from switchyard.outbox.rows import Row, insert
from switchyard.queues import QueueSpec
from switchyard.routing import HOME, queue_of
from switchyard.tasks import chords
from switchyard.worker.losses import forget

#: Header of a message that was replayed: which dead letter it was.
REPLAY_OF = "replay_of"

#: What is not sent again, as the broker would deliver copies to other queues.
COPIES = {"CC", "BCC"}
#: Nor is this of one that has run. Both are in the past, and a worker drops an expired task.
PAST = {"eta", "expires"}
KEPT_PROPERTIES = ("content_type", "content_encoding", "correlation_id", "reply_to", "priority")


def why_not_replayed(letter: DeadLetter, to: QueueSpec | None = None) -> str:
    """Why this one cannot be sent again; empty if it can. To a queue that somebody names goes any task."""
    if letter.fault:
        return letter.fault
    if to is None and (letter.task not in tasks() or queue_of(letter.headers) is None):
        return "this release knows no such task"
    return ""


def replay(
    letters: Sequence[DeadLetter], by: str, to: QueueSpec | None = None, job: Job | None = None
) -> None:
    """Have the relay send them: to this queue, or where its call or ROUTES sends each today.

    With all their retries before them, or those that are left to one that has not run. They may then be taken
    out.
    """
    _once(letters, Verb.REPLAY, by, to, job)


def discard(letters: Sequence[DeadLetter], by: str, job: Job | None = None) -> None:
    """Write down that they were discarded. They may then be taken out."""
    _once(letters, Verb.DISCARD, by, None, job)


def resent(letter: DeadLetter, to: QueueSpec | None = None) -> Row:
    """The message as it is sent again: the same id and arguments, without its past.

    Without ``to`` it goes where its call, its decorator or ROUTES sends it today. Raises ValueError for one
    that ``why_not_replayed`` names.
    """
    spec = to or queue_of(letter.headers)
    if spec is None:
        raise ValueError(f"No route in {HOME} matches {letter.task!r}.")
    headers = {key: value for key, value in letter.headers.items() if not _is_left_out(key, letter)}
    headers |= {SENT_AT: time.time(), REPLAY_OF: letter.identity}
    if not letter.unrouted:
        headers["retries"] = 0
    found = letter.message.properties
    properties = {key: found[key] for key in KEPT_PROPERTIES if key in found}
    return Row(
        task_id=letter.task_id,
        task=letter.task,
        queue=spec.name,
        headers=json.dumps(headers),
        properties=json.dumps(properties | {"delivery_mode": 2}),
        body=letter.body.decode(),
        due=_due(letter.task, headers),
    )


def _is_left_out(key: str, letter: DeadLetter) -> bool:
    """What the broker has added on the way starts with x-: deaths, deliveries, acquisitions."""
    return key.startswith("x-") or key in (COPIES if letter.unrouted else COPIES | PAST)


def _due(task: str, headers: Mapping[str, Any]) -> float | None:
    """As ``Row.due`` has it, of one whose time has yet to come."""
    seconds = countdown_of(task, {"eta": headers.get("eta")})
    return time.monotonic() + seconds if seconds else None


def _once(letters: Sequence[DeadLetter], verb: Verb, by: str, to: QueueSpec | None, job: Job | None) -> None:
    try:
        _recorded(letters, verb, by, to, job)
    except IntegrityError:
        # The broker had taken one back and given it to another operator, whose record was there first.
        _recorded(letters, verb, by, to, job)


@transaction.atomic
def _recorded(
    letters: Sequence[DeadLetter], verb: Verb, by: str, to: QueueSpec | None, job: Job | None
) -> None:
    by_identity = {letter.identity: letter for letter in letters}
    Copy.objects.filter(identity__in=by_identity).delete()
    known = Action.objects.filter(verb=verb, identity__in=by_identity).values_list("identity", flat=True)
    for identity in known:
        del by_identity[identity]
    new = list(by_identity.values())
    Action.objects.bulk_create(_record(letter, verb, by, job) for letter in new)
    forget({letter.task_id for letter in new})
    if verb == Verb.REPLAY and new:
        insert(connection, [resent(letter, to) for letter in new])
    if job:
        late = _parts_of_chords_over(new) if verb == Verb.REPLAY else 0
        Job.objects.filter(pk=job.pk).update(done=F("done") + len(new), chords_over=F("chords_over") + late)


def _parts_of_chords_over(letters: Sequence[DeadLetter]) -> int:
    """How many run again without a chord that waits for them: it has failed, and its body is not sent."""
    groups = [letter.chord for letter in letters if letter.chord]
    gone = chords.over(set(groups)) if groups else set()
    return sum(group in gone for group in groups)


def _record(letter: DeadLetter, verb: Verb, by: str, job: Job | None) -> Action:
    return Action(
        verb=verb,
        identity=letter.identity,
        task_id=letter.task_id,
        task=letter.task,
        queue=letter.queue,
        reason=letter.reason,
        died_at=letter.died_at,
        by=by,
        job=job.pk if job else None,
    )
