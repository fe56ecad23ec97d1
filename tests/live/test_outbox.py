"""From a committed transaction to a worker, by way of the outbox and the relay."""

import time

from celery import chain, chord, group
from django.db import transaction

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.outbox.sending import send_on_commit
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.gallery.tasks import join, part
from tests.live.processes import Processes, eventually

io_wait = app.tasks["gallery.io_wait"]
cpu_wait = app.tasks["gallery.cpu_wait"]


def finished() -> list[str]:
    return sorted(Run.objects.filter(finished__isnull=False).values_list("key", flat=True))


def test_what_a_transaction_sent_runs_once_each_on_its_queue(yard: Processes) -> None:
    workers = {queue: yard.worker(queue) for queue in QUEUES}
    relay = yard.relay()
    with transaction.atomic():
        ids = {
            app.tasks[f"gallery.{queue}_wait"].delay_on_commit(f"{queue} {number}")
            for queue in QUEUES
            for number in range(50)
        }
    with transaction.atomic():
        io_wait.delay_on_commit("rolled back")
        transaction.set_rollback(True)
    eventually(lambda: len(finished()) == 50 * len(QUEUES))
    assert not Message.objects.exists()
    assert set(Run.objects.values_list("task_id", flat=True)) == ids
    assert all(run.key.startswith(run.queue) for run in Run.objects.all())
    assert {line["task_id"] for line in relay.events("task_sent")} == ids
    eventually(lambda: sum(len(worker.events("task_finished")) for worker in workers.values()) == len(ids))


def test_chains_groups_and_chords_finish(yard: Processes) -> None:
    for queue in QUEUES:
        yard.worker(queue)
    yard.relay()
    with transaction.atomic():
        send_on_commit(chain(io_wait.si("chain 1"), cpu_wait.si("chain 2"), io_wait.si("chain 3")))
        send_on_commit(group(io_wait.si("group 1"), cpu_wait.si("group 2")))
        send_on_commit(chord([part.s("a", 0, False), part.s("b", 0.2, False)], join.s("chord")))
        inner = chord([part.si("c", 0, False), part.si("d", 0, False)], join.s("inner"))
        send_on_commit(chain(io_wait.si("before"), inner, io_wait.si("behind")))
    expected = ["before", "behind", "chain 1", "chain 2", "chain 3", "group 1", "group 2"]
    expected += ["a", "b", "c", "chord:a,b", "d", "inner:c,d"]
    eventually(lambda: len(finished()) == len(expected), what="13 runs")
    assert finished() == sorted(expected)


def test_a_countdown_is_kept_although_the_relay_was_down_meanwhile(yard: Processes) -> None:
    yard.worker("io")
    called = time.time()
    io_wait.apply_async_on_commit(("over before the relay",), countdown=1)
    io_wait.apply_async_on_commit(("begun before the relay",), countdown=12)
    eventually(lambda: time.time() > called + 3)
    yard.relay()
    eventually(lambda: finished() == ["over before the relay"])
    assert time.time() < called + 12
    eventually(lambda: len(finished()) == 2)
    began = Run.objects.get(key="begun before the relay").started
    # Not 12 seconds from the publish, which was at least three later.
    assert called + 12 <= began < called + 15
