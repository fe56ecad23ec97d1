"""A beat, and a relay, whose connections survive a server that takes no writes any more."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from structlog.testing import capture_logs

from app.celery import app
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay
from switchyard.schedule import bound
from switchyard.schedule.models import Tick
from switchyard.schedule.scheduler import Scheduler

pytestmark = pytest.mark.django_db(transaction=True)

NO_WRITES = "SET default_transaction_read_only = on"


@pytest.fixture
def beat() -> Iterator[Scheduler]:
    """One that holds the lease."""
    found = Scheduler(app=app, lazy=True)
    found.tick()
    assert found.lease.held
    yield found
    found.lease.release()


def ticked(beat: Scheduler) -> list[Any]:
    with capture_logs() as lines:
        beat.tick()
    return [(line["event"], line["reason"]) for line in lines if "reason" in line]


def lose_the_primary(*_: Any) -> None:
    """In the place of beat's first write."""
    connection.ensure_connection()
    connection.connection.execute(NO_WRITES)
    Tick.objects.update(sent_at=None)


def test_a_beat_looks_before_it_writes(beat: Scheduler) -> None:
    left = connection.connection
    left.execute(NO_WRITES)
    assert ticked(beat) == []
    assert left.closed
    assert beat.lease.held


def test_a_beat_whose_writes_are_refused_gives_the_lease_back_and_takes_it_elsewhere(
    beat: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the server is changed between its look and its write."""
    with monkeypatch.context() as patched:
        patched.setattr(bound, "due_entries", lose_the_primary)
        [(event, reason)] = ticked(beat)
    assert event == "standing_by"
    assert "read-only transaction" in reason
    assert not beat.lease.held
    assert ticked(beat) == []
    assert beat.lease.held


def test_a_beat_whose_lock_is_on_a_standby_does_not_hold_the_lease(beat: Scheduler) -> None:
    assert beat.lease._link
    beat.lease._link.execute(NO_WRITES)
    assert ticked(beat) == [
        ("lease_lost", "the server that has the lock takes no writes: it is a standby now")
    ]
    assert not beat.lease.held


def test_a_relay_with_nothing_to_send_leaves_a_server_that_takes_no_writes() -> None:
    relay = Relay(RelayMetrics())
    connection.ensure_connection()
    relay._look_at_database()
    connection.connection.execute(NO_WRITES)
    relay._check_at = 0.0
    with pytest.raises(OperationalError, match="takes no writes"):
        relay._look_at_database()
    connection.close()
