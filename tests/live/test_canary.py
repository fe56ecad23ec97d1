"""The oldest wait, by a canary that goes the way of every task."""

from datetime import timedelta

import pytest
from django.db.models import F
from kombu import Connection

from switchyard.metrics.canary import REPLACE_SECONDS, came_back, send
from switchyard.metrics.deadletters import note_dead, read_dead
from switchyard.metrics.models import Canary, NotEmptySince
from switchyard.metrics.waits import waits
from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.live.broker import Vhost
from tests.live.processes import Processes, eventually


def age(queue: str, seconds: float) -> None:
    """Let time pass for the queue's canaries."""
    by = timedelta(seconds=seconds)
    Canary.objects.filter(queue=queue).update(
        sent_at=F("sent_at") - by, waiting_since=F("waiting_since") - by
    )


def on_its_way(queue: str) -> bool:
    return waits()[queue].waiting_seconds is not None


@pytest.mark.parametrize("queue", QUEUES)
def test_a_canary_waits_with_the_others_and_says_how_long(yard: Processes, queue: str) -> None:
    assert send(queue, 15)
    first = waits()[queue].oldest_seconds(empty=False)
    yard.relay()
    eventually(lambda: not Message.objects.exists(), what="the canary to leave the outbox")
    assert waits()[queue].oldest_seconds(empty=False) > first
    yard.worker(queue)
    eventually(lambda: not on_its_way(queue), what="the canary to come back")
    found = waits()[queue]
    assert found.last_seconds > first
    assert found.age_seconds < 60


def test_one_is_on_its_way_however_many_exporters_send(transactional_db) -> None:
    assert [send("io", 15) for _ in range(5)] == [True, False, False, False, False]
    assert Message.objects.count() == 1


def test_a_canary_waits_from_the_moment_it_was_sent(transactional_db) -> None:
    """A clock read twice is now and then a microsecond on, and the canary would not answer for itself."""
    for _ in range(300):
        Canary.objects.all().delete()
        send("io", 15)
        assert Canary.objects.filter(sent_at=F("waiting_since")).exists()


def test_a_stall_of_two_hours_holds_few_canaries_and_is_as_old_as_the_first(transactional_db) -> None:
    send("io", 15)
    for _ in range(120):
        age("io", 60)
        send("io", 15)
    assert 2 < Message.objects.count() <= 8
    assert waits()["io"].oldest_seconds(empty=False) >= 2 * 3600


def test_a_lost_canary_is_replaced_and_the_next_answers_for_it(yard: Processes, vhost: Vhost) -> None:
    yard.relay()
    send("io", 15)
    with Connection(vhost.url) as connection:
        eventually(lambda: connection.default_channel.queue_purge("io"), what="the canary to be purged")
    age("io", REPLACE_SECONDS)
    assert waits()["io"].oldest_seconds(empty=False) >= REPLACE_SECONDS
    assert send("io", 15)
    yard.worker("io")
    eventually(lambda: not on_its_way("io"), what="the second canary to come back")
    assert waits()["io"].last_seconds < REPLACE_SECONDS


def test_a_canary_that_was_sent_after_one_that_comes_back_is_still_waited_for(transactional_db) -> None:
    from switchyard.metrics.canary import came_back

    send("io", 15)
    first = Canary.objects.get().sent_at
    came_back("io", first.isoformat())
    age("io", 15)
    assert send("io", 15)
    came_back("io", (first - timedelta(seconds=15)).isoformat())
    assert on_its_way("io")


def test_dead_letters_are_as_old_as_the_time_since_there_were_none(transactional_db) -> None:
    note_dead({"io": 2, "cpu": 0})
    NotEmptySince.objects.update(since=F("since") - timedelta(hours=1))
    note_dead({"io": 3, "cpu": None})
    note_dead({})
    assert read_dead().keys() == {"io"}
    assert read_dead()["io"] >= 3600
    note_dead({"io": 0})
    assert read_dead() == {}


@pytest.mark.parametrize("came", [True, False])
def test_a_clock_that_went_back_an_hour_does_not_silence_the_canary(transactional_db, came: bool) -> None:
    assert send("io", 15)
    sent_at = Canary.objects.get(queue="io").sent_at
    if came:
        came_back("io", sent_at.isoformat())
    age("io", -3600)
    assert send("io", 15)
    assert not send("io", 15)
    assert 0 <= waits()["io"].waiting_seconds < 60
    came_back("io", (sent_at + timedelta(hours=1)).isoformat())
    found = waits()["io"]
    assert found.last_seconds == 0
    assert not on_its_way("io")
    assert 0 <= found.age_seconds < 60
