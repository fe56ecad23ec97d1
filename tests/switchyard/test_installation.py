"""Two installations in one database, each in a schema of its own, do not meet."""

import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.utils import timezone

from app.celery import app
from switchyard.installation import channel
from switchyard.metrics.beat import read_beat
from switchyard.metrics.transactions import read_transactions
from switchyard.outbox import quarantine
from switchyard.outbox.models import Message
from switchyard.relay.wake import Wake
from switchyard.schedule import lease as lease_module
from switchyard.schedule.lease import Lease
from switchyard.schedule.models import Tick
from switchyard.schedule.scheduler import Scheduler
from tests.live.processes import eventually
from tests.schema import installed_in, seen_from
from tests.switchyard.relay.instant import fill
from tests.switchyard.schedule.entries import counted_since

pytestmark = pytest.mark.django_db(transaction=True)

io_wait = app.tasks["gallery.io_wait"]

#: Long enough to be no commit's, short enough to be waited for.
UNHEARD_SECONDS = 0.3


@pytest.fixture(scope="module")
def second(django_db_setup: None, django_db_blocker) -> Iterator[str]:
    with django_db_blocker.unblock(), installed_in("second") as schema:
        yield schema


@pytest.fixture
def leases() -> Iterator[list[Lease]]:
    found = [Lease() for _ in range(3)]
    yield found
    for lease in found:
        lease.release()


@pytest.fixture
def beats() -> Iterator[list[Scheduler]]:
    found = [Scheduler(app=app, lazy=True) for _ in range(2)]
    yield found
    for beat in found:
        beat.lease.release()


def test_each_has_a_beat_that_sends(second: str, beats: list[Scheduler]) -> None:
    ours, theirs = beats
    ours.tick()
    with seen_from(second):
        counted_since("due", 90)
        assert read_beat().holders == 0
        theirs.tick()
        assert read_beat().holders == 1
        assert Tick.objects.count() == Message.objects.count() == 1
    assert ours.lease.held
    assert read_beat().holders == 1
    assert not Tick.objects.exists()


def test_a_beat_of_a_release_with_another_lock_sends_no_due_time_again(
    beats: list[Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the one before this has, and so there are two during the roll: a tick is sent once by its row."""
    old, new = beats
    counted_since("due", 90)
    with monkeypatch.context() as patched:
        patched.setattr(lease_module, "lock", lambda purpose: (0, purpose))
        assert old.lease.take()
    for beat in (new, old, new, old):
        beat.tick()
        assert beat.lease.held
    assert Tick.objects.count() == Message.objects.count() == 1


def test_the_guard_ends_a_silent_holder_of_its_own_installation_alone(
    second: str, leases: list[Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, frozen, standby = leases
    assert theirs.take()
    monkeypatch.setattr(lease_module, "SILENT_SECONDS", 0)
    with seen_from(second):
        assert frozen.take()
        assert eventually(standby.take, within=20, what="the lease of who is silent")
    theirs.now()


def test_a_relay_hears_the_commits_of_its_own_outbox_alone(second: str) -> None:
    waiting = Wake()
    try:
        eventually(lambda: waiting.wait(5) or waiting.hears, within=20)
        with seen_from(second):
            io_wait.delay_on_commit("theirs")
            Message.objects.update(quarantined_at=timezone.now())
            assert quarantine.requeue(quarantine.Filters())
        assert not came(waiting, UNHEARD_SECONDS)
        io_wait.delay_on_commit("ours")
        assert came(waiting, 20)
    finally:
        waiting.close()


def came(waiting: Wake, seconds: float) -> bool:
    began = time.monotonic()
    waiting.wait(seconds)
    return time.monotonic() - began < seconds


def test_dead_rows_are_counted_of_its_own_tables_alone(second: str) -> None:
    with seen_from(second):
        fill(300)
        Message.objects.all().delete()
        eventually(lambda: read_transactions().dead_rows["switchyard_outbox"] >= 300, within=30)
    assert read_transactions().dead_rows["switchyard_outbox"] < 300


def test_a_tenant_without_an_outbox_of_its_own_wakes_the_relay_of_all() -> None:
    found = channel()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA tenant")
        cursor.execute("SET LOCAL search_path = tenant, public")
        assert channel() == found
        transaction.set_rollback(True)
