"""Replays and discards dead letters, each exactly once.

RabbitMQ cannot publish to one queue and take out of another at once. The database can: the record of the
action and, for a replay, the message in the outbox are one transaction, and only then the dead letter is
taken out. Killed in between, it is still there, and the next run finds its record and only takes it out.
"""

import time
from collections.abc import Sequence

from django.db import IntegrityError, connection, transaction
from kombu.utils import json

from switchyard.celery import tasks
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.models import Action, Verb
from switchyard.outbox.headers import SENT_AT
from switchyard.outbox.rows import Row, insert
from switchyard.routing import HOME, queue_for
from switchyard.worker.losses import forget

#: Header of a message that was replayed: which dead letter it was.
REPLAY_OF = "replay_of"

#: What is not sent again. ``eta`` and ``expires`` are in the past (an expired task would be dropped by the
#: worker), and CC and BCC would make the broker deliver copies to other queues.
LEFT_OUT = {"eta", "expires", "CC", "BCC"}
KEPT_PROPERTIES = ("content_type", "content_encoding", "correlation_id", "reply_to", "priority")


def why_not_replayed(letter: DeadLetter) -> str:
    """Why this one cannot be sent again; empty if it can."""
    if letter.fault:
        return letter.fault
    if letter.task not in tasks() or queue_for(letter.task) is None:
        return "this release knows no such task"
    return ""


def replay(letters: Sequence[DeadLetter], by: str) -> None:
    """Have the relay send them, with all their retries before them. They may then be taken out."""
    _once(letters, Verb.REPLAY, by)


def discard(letters: Sequence[DeadLetter], by: str) -> None:
    """Write down that they were discarded. They may then be taken out."""
    _once(letters, Verb.DISCARD, by)


def resent(letter: DeadLetter) -> Row:
    """The message as it is sent again: the same id and arguments, without its past.

    It goes where ROUTES sends its task today. Raises ValueError for one that ``why_not_replayed`` names.
    """
    spec = queue_for(letter.task)
    if spec is None:
        raise ValueError(f"No route in {HOME} matches {letter.task!r}.")
    headers = {key: value for key, value in letter.headers.items() if not _is_past(key)}
    headers |= {"retries": 0, SENT_AT: time.time(), REPLAY_OF: letter.identity}
    found = letter.message.properties
    properties = {key: found[key] for key in KEPT_PROPERTIES if key in found}
    return Row(
        task_id=letter.task_id,
        task=letter.task,
        queue=spec.name,
        headers=json.dumps(headers),
        properties=json.dumps(properties | {"delivery_mode": 2}),
        body=letter.body.decode(),
        due=None,
    )


def _is_past(key: str) -> bool:
    """What the broker has added on the way starts with x-: deaths, deliveries, acquisitions."""
    return key in LEFT_OUT or key.startswith("x-")


def _once(letters: Sequence[DeadLetter], verb: Verb, by: str) -> None:
    try:
        _recorded(letters, verb, by)
    except IntegrityError:
        # The broker had taken one back and given it to another operator, whose record was there first.
        _recorded(letters, verb, by)


@transaction.atomic
def _recorded(letters: Sequence[DeadLetter], verb: Verb, by: str) -> None:
    by_identity = {letter.identity: letter for letter in letters}
    known = Action.objects.filter(verb=verb, identity__in=by_identity).values_list("identity", flat=True)
    for identity in known:
        del by_identity[identity]
    Action.objects.bulk_create(_record(letter, verb, by) for letter in by_identity.values())
    forget({letter.task_id for letter in by_identity.values()})
    if verb == Verb.REPLAY and by_identity:
        insert(connection, [resent(letter) for letter in by_identity.values()])


def _record(letter: DeadLetter, verb: Verb, by: str) -> Action:
    return Action(
        verb=verb,
        identity=letter.identity,
        task_id=letter.task_id,
        task=letter.task,
        queue=letter.queue,
        reason=letter.reason,
        died_at=letter.died_at,
        by=by,
    )
