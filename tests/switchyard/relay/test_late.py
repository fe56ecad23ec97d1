"""What the broker confirms after its batch is deleted, whatever the database does, and nothing else is."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.relay.batch import fetch
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay

pytestmark = pytest.mark.django_db(transaction=True)

io_wait = app.tasks["gallery.io_wait"]


def kept(key: str) -> Message:
    return Message.objects.get(task_id=io_wait.delay_on_commit(key))


def test_a_late_confirm_deletes_its_own_row_and_not_another_that_has_its_key_now() -> None:
    """After a failover to a standby that lacked the rows, and so counted on from before them."""
    own, another = kept("own"), kept("another")
    relay = Relay(RelayMetrics())
    relay._late = {own.pk: own.task_id, another.pk: "of a row that is gone"}
    relay._settle()
    assert list(Message.objects.values_list("pk", flat=True)) == [another.pk]


def test_a_late_confirm_is_remembered_until_the_database_has_taken_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = kept("own")
    relay = Relay(RelayMetrics())
    relay._late = {own.pk: own.task_id}
    with monkeypatch.context() as patch:
        patch.setattr(relay, "delete", away)
        with pytest.raises(DatabaseError):
            relay._settle()
    relay._settle()
    assert not Message.objects.exists()


def away(_: object) -> None:
    raise DatabaseError("the server closed the connection unexpectedly")


def test_a_countdown_that_a_clock_accepted_which_was_ahead_waits_as_long_as_was_asked_for() -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    eta = tomorrow + timedelta(seconds=3)
    row = {"task": "t", "queue": "io", "headers": "{}", "properties": "{}", "body": "[]"}
    Message.objects.create(**row, created_at=tomorrow, eta=eta)
    with transaction.atomic():
        [fetched] = fetch("io", 0, 10).messages
    assert fetched.due_in == 3
