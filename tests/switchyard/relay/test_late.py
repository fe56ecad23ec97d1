"""What the broker confirms after its batch is deleted, whatever the database does, and nothing else is."""

import pytest
from django.db import DatabaseError

from app.celery import app
from switchyard.outbox.models import Message
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
