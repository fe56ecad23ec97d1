"""From the request to the broker, with a death at each step: F1 to F4, F12, F13."""

import os
import signal

import pytest
from amqp.exceptions import AMQPError
from django.db import connection, transaction
from kombu import Connection

from app.queues import IO
from switchyard.outbox.errors import MessageTooLarge
from switchyard.outbox.models import Message
from tests.faults.ledger.models import Execution, Promise
from tests.faults.proxy import Proxy
from tests.faults.services import Services, all_done, children, keys, promise, promise_one, waiting_rows
from tests.live.processes import eventually

AFTER_COMMIT = "django.db.backends.base.base:BaseDatabaseWrapper.run_and_clear_commit_hooks before 1"


def test_f1_a_request_that_dies_after_its_commit_is_kept(services: Services, tally) -> None:
    """300 requests, each in a process that dies between COMMIT and all that follows; the matrix has 1,000."""
    answered = services.post("ledger.io_work", "died", 300, AFTER_COMMIT)
    assert answered == []
    services.start_relay()
    services.start("worker io")
    all_done(keys("died", 300))
    found = services.verdict()
    tally("F1", "ours", deaths=300, lost=len(found.lost), repeated_effects=len(found.repeated_effects))
    assert found.promised == 300
    assert found.good, found


def test_f1_control_stock_delay_on_commit_loses_every_one(services: Services, tally) -> None:
    services.stock_worker("--concurrency=2")
    services.post("stock.work", "died", 50, AFTER_COMMIT)
    services.post("stock.work", "lived", 1)
    all_done(["lived-0"])
    found = services.verdict()
    tally("F1", "stock", deaths=50, lost=len(found.lost))
    assert sorted(found.lost) == sorted(keys("died", 50))


def test_f2_a_rollback_leaves_nothing(services: Services, tally) -> None:
    services.start_relay()
    services.start("worker io")
    for key in keys("undone", 1000):
        with transaction.atomic():
            promise_one("ledger.io_work", key)
            transaction.set_rollback(True)
    all_done(promise("ledger.io_work", ["done"]))
    eventually(lambda: not Message.objects.exists())
    found = services.verdict()
    tally("F2", "ours", rollbacks=1000, phantom=len(found.phantom))
    assert found.good, found
    assert Execution.objects.count() == 1


def test_f3_a_relay_that_dies_between_publish_and_delete_loses_and_doubles_nothing(
    services: Services, tally
) -> None:
    """100 deaths. Each life publishes one message and deletes it, then a batch that it does not delete."""
    promised = promise("ledger.io_work", keys("relayed", 110))
    with services.fault("relay"):
        failing = services.failing("switchyard.relay.relay:Relay.delete", "before", 2, 100, "relay")
        services.start("worker io")
        assert failing.wait(400) == 0, failing.text()[-2000:]
    services.start_relay()
    all_done(promised)
    eventually(lambda: services.waiting(IO.name) == 0)
    runs = Execution.objects.count()
    found = services.verdict()
    tally(
        "F3",
        "ours",
        deaths=100,
        tasks=110,
        published=runs,
        lost=len(found.lost),
        repeated_effects=len(found.repeated_effects),
    )
    assert found.good, found
    # It did hurt: messages were published again, but never more than the batches that were in flight.
    assert 110 < runs <= 110 + sum(range(110))


def test_f4_a_frozen_relay_that_wakes_up_sends_nothing_again(services: Services, tally) -> None:
    """It is frozen with a batch published and not deleted. Another relay leaves its rows alone."""
    promised = promise("ledger.io_work", keys("frozen", 100))
    services.start("worker io")
    with services.fault("frozen relay"):
        frozen = services.failing("switchyard.relay.relay:Relay.delete", "freeze", 2, 1, "relay")
        all_done(promised)
        services.start_relay()
        all_done(promise("ledger.io_work", keys("others", 50)))
        assert Message.objects.count() == 99
        [sleeper] = eventually(lambda: stopped(frozen.popen.pid))
        _signal(sleeper, signal.SIGCONT)
        eventually(lambda: not Message.objects.exists())
    found = services.verdict()
    tally("F4", "ours, locks held", tasks=150, lost=len(found.lost), repeated_runs=len(found.repeated_runs))
    assert found.good, found
    assert found.repeated_runs == []


def test_f4_a_relay_that_slept_past_its_locks_repeats_at_most_its_batch(services: Services, tally) -> None:
    """The database ends its session, as after LOCK_SECONDS; another relay publishes the batch again."""
    promised = promise("ledger.io_work", keys("slept", 100))
    services.start("worker io")
    with services.fault("relay slept"):
        frozen = services.failing("switchyard.relay.relay:Relay.delete", "freeze", 2, 1, "relay")
        all_done(promised)
        [sleeper] = eventually(lambda: stopped(frozen.popen.pid))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        services.start_relay()
        eventually(lambda: not Message.objects.exists())
        _signal(sleeper, signal.SIGCONT)
        all_done(promise("ledger.io_work", keys("others", 20)))
        eventually(lambda: services.waiting(IO.name) == 0)
    found = services.verdict()
    tally(
        "F4",
        "ours, locks lost",
        tasks=120,
        lost=len(found.lost),
        repeated_runs=len(found.repeated_runs),
        repeated_effects=len(found.repeated_effects),
    )
    assert found.good, found
    assert 0 < len(found.repeated_runs) <= 99


def test_f12_a_row_is_deleted_by_its_own_confirm_only(services: Services, tally) -> None:
    """Every answer of the broker is held back for longer than the relay waits for a confirm."""
    promised = promise("ledger.io_work", keys("late", 300))
    with Proxy(services.broker_port) as proxy:
        relay = services.start_relay(services.through(proxy))
        eventually(lambda: waiting_rows() == 0)
        all_done_before = promise("ledger.io_work", keys("later", 300))
        proxy.answers_delay_seconds = 11
        with services.fault("late confirms"):
            held = promise("ledger.io_work", keys("held", 300))
            eventually(lambda: relay.events("broker_away"), within=60)
            unconfirmed = waiting_rows()
            proxy.answers_delay_seconds = 0
            proxy.cut()
            eventually(lambda: waiting_rows() == 0)
        services.start("worker io")
        all_done(promised + all_done_before + held)
        eventually(lambda: services.waiting(IO.name) == 0)
    found = services.verdict()
    tally(
        "F12",
        "ours",
        tasks=900,
        unconfirmed_kept=unconfirmed,
        lost=len(found.lost),
        repeated_effects=len(found.repeated_effects),
    )
    assert unconfirmed >= 300
    assert found.good, found


def test_f12_control_py_amqp_takes_a_late_confirm_for_the_next_message(services: Services, tally) -> None:
    """Published with kombu's confirms on one channel, as Celery does: the second is never at the broker."""
    with Proxy(services.broker_port) as proxy:
        url = services.through(proxy)["BROKER_URL"]
        with Connection(url, transport_options={"confirm_publish": True}) as link:
            producer = link.Producer()
            wanted = {"exchange": "tasks", "routing_key": IO.name, "mandatory": True}
            producer.publish({"first": 0}, **wanted, confirm_timeout=10)
            proxy.answers_delay_seconds = 1
            with pytest.raises((AMQPError, OSError)):
                producer.publish({"second": 0}, **wanted, confirm_timeout=0.3)
            proxy.hold_questions()
            producer.publish({"third": 0}, **wanted, confirm_timeout=10)
            proxy.cut()
    eventually(lambda: services.waiting(IO.name) == 2)
    tally("F12", "stock", published=3, confirmed=3, lost=1)


def test_f13_a_huge_message_is_refused_at_the_call_or_delays_nobody(services: Services, tally) -> None:
    """1 MiB is the limit; a stray row above the broker's own is quarantined, and its neighbours go on."""
    services.start_relay()
    services.start("worker io")
    promised = promise("ledger.io_work", keys("before", 50))
    with pytest.raises(MessageTooLarge), transaction.atomic():
        promise_one("ledger.io_carry", "too large", load="x" * 1024 * 1024)
    promised += promise("ledger.io_carry", ["large"], load="x" * (1024 * 1024 - 500))
    _stray_row(17 * 1024 * 1024 if services.broker.version >= "4" else 129 * 1024 * 1024)
    promised += promise("ledger.io_work", keys("behind", 50))
    all_done(promised)
    [stray] = eventually(lambda: Message.objects.exclude(quarantined_at=None))
    found = services.verdict()
    tally("F13", "ours", tasks=101, lost=len(found.lost), quarantined=1)
    assert stray.task_id == "stray"
    assert stray.reason
    assert not Promise.objects.filter(key="too large").exists()
    assert found.good, found


def _stray_row(size: int) -> None:
    """A message that went around the check at the call."""
    usual = app_message()
    usual.pk, usual.task_id, usual.body = None, "stray", "x" * size
    usual.save(force_insert=True)


def app_message() -> Message:
    """A row as a call makes it, taken before any relay sees it."""
    with transaction.atomic():
        promise_one("ledger.io_work", "model of a row")
        connection.run_on_commit, hooks = [], connection.run_on_commit
        [row] = [row for _, hook, *_ in hooks for row in getattr(hook, "rows", [])]
        transaction.set_rollback(True)
    return Message(
        task=row.task,
        task_id=row.task_id,
        queue=row.queue,
        headers=row.headers,
        properties=row.properties,
        body=row.body,
    )


def stopped(parent: int) -> list[int]:
    """The children of a process that stand still."""
    return [child for child in children(parent) if _state(child) == "T"]


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0]


def _signal(pid: int, number: int) -> None:
    os.kill(pid, number)
