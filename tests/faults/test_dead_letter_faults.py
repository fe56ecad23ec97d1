"""What fails for good, what was never a task, and the way back: F14 to F16, F32, F33, F35, F36."""

import time
from collections import Counter
from pathlib import Path

import pytest
from django_celery_results.models import TaskResult
from kombu import Connection

from app.queues import IO
from switchyard.deadletters.models import Action
from switchyard.queues import EXCHANGE, UNROUTABLE
from tests.faults.ledger.models import Execution, Promise
from tests.faults.services import Services, all_done, key_of, keys, promise, running
from tests.live.processes import eventually
from tests.malformed import malformed, valid

pytestmark = pytest.mark.every_broker

#: Would run code where it is read, and make a file of it.
DANGEROUS = ("application/x-python-serialize", "application/x-yaml")


def test_f14_f15_two_thousand_malformed_messages_are_kept_and_none_is_executed(
    services: Services, tally, tmp_path: Path
) -> None:
    """All kinds in turn, with pickle and YAML among them that would make a file."""
    [worker] = services.start("worker io")
    services.start_relay()
    canary = tmp_path / "canary"
    with services.fault("malformed"):
        drafts = list(malformed("ledger.io_work", 2000, 3, canary))
        dangerous = sum(draft.content_type in DANGEROUS for draft in drafts)
        _publish(services, drafts)
        promised = promise("ledger.io_work", keys("valid", 100))
        all_done(promised)
        eventually(lambda: services.waiting(IO.dead_letter_queue) >= 2000)
    dead = services.waiting(IO.dead_letter_queue)
    found = services.verdict()
    tally(
        "F14",
        "ours",
        malformed=2000,
        dead=dead,
        executed=len(found.phantom),
        lost=len(found.lost),
        worker_restarts=0,
    )
    tally("F15", "ours", pickle_and_yaml=dangerous, executed=int(canary.exists()))
    assert dead == 2000
    assert not canary.exists()
    assert worker.popen.poll() is None
    assert "Connection to broker lost" not in worker.text()
    assert found.good, found


def test_f14_control_stock_acknowledges_some_of_them_away(services: Services, tally, tmp_path: Path) -> None:
    """Nothing is dead-lettered there at all; the count is of what is in no queue and never ran."""
    services.stock_worker("--concurrency=2", "--pool=threads")
    _publish(services, malformed("stock.work", 160, 3, tmp_path / "canary"), exchange="", routing_key="stock")
    services.promise_stock("stock.work", ["valid"])
    try:
        all_done(["valid"], within=8)
    except AssertionError:
        ended = True
    else:
        ended = False
    left = services.waiting("stock")
    tally("F14", "stock", malformed=160, gone=160 - left, worker_stands_still=ended)
    assert left < 160 or ended


def test_f16_an_unknown_task_waits_for_the_release_that_knows_it(services: Services, tally) -> None:
    """Its route is known and its code is not, as in the older of two releases; then it is replayed."""
    older = {"DJANGO_SETTINGS_MODULE": "tests.faults.older"}
    services.start_relay()
    [old] = services.start("worker io --name=old", env=older)
    with services.fault("unknown task"):
        promised = promise("ledger.io_work", keys("newer", 50))
        eventually(lambda: services.waiting(IO.dead_letter_queue) == 50)
    reasons = Counter(message.headers["x-death"][0]["reason"] for message in services.dead_letters(IO.name))
    old.kill_all()
    services.start("worker io --name=new")
    assert _replay(services) == 0
    all_done(promised)
    found = services.verdict()
    tally("F16", "ours", tasks=50, dead_letters=reasons.total(), lost=len(found.lost))
    assert reasons == {"rejected": 50}
    assert found.good, found
    eventually(lambda: services.waiting(IO.dead_letter_queue) == 0)


def test_f32_a_dead_letter_queue_that_is_gone_costs_no_dead_letter(services: Services, tally) -> None:
    """What it would have held is in ``unroutable``, with its reason, and holds up no other dead letter."""
    services.start_relay()
    [worker] = services.start("worker io")
    services.broker.ctl("delete_queue", "--vhost", services.vhost.name, IO.dead_letter_queue)
    with services.fault("no dead-letter queue"):
        promised = promise("ledger.io_fail", keys("doomed", 100))
        eventually(lambda: Execution.objects.count() >= 100)
        eventually(lambda: len(worker.events("task_finished")) >= 100)
        services.apply_topology()
        eventually(lambda: services.waiting(UNROUTABLE) >= 100)
    dead = Counter(map(key_of, services.dead_letters(UNROUTABLE)))
    found = services.verdict(elsewhere=dead)
    tally("F32", "ours", tasks=100, dead_letters=len(dead), lost=len(found.lost))
    assert set(dead) == set(promised)
    assert found.good, found


def test_f33_a_replay_that_is_killed_fifty_times_leaves_each_message_in_one_place(
    services: Services, tally
) -> None:
    """25 deaths before and 25 after a batch is taken out of the dead-letter queue, of 1,000 dead letters."""
    promised = keys("again", 1000)
    Promise.objects.bulk_create(Promise(key=key, at=0) for key in promised)
    _publish(
        services,
        (valid("ledger.io_work", key) for key in promised),
        exchange="",
        routing_key=IO.dead_letter_queue,
    )
    eventually(lambda: services.waiting(IO.dead_letter_queue) == 1000)
    services.start_relay()
    services.start("worker io")
    with services.fault("replay killed"):
        for moment in ("before", "after"):
            place = "switchyard.deadletters.queue:DeadLetterQueue.take_out"
            words = ["deadletters", "replay", "--yes", "--queue=io", "--rate=50/s"]
            killed = services.failing(place, moment, 1, 25, *words)
            assert killed.wait(400) == 0, killed.text()[-2000:]
        # What the dead held comes back when the broker has seen them gone.
        eventually(lambda: _replay(services) == 0 and services.waiting(IO.dead_letter_queue) == 0)
        all_done(promised)
    eventually(lambda: services.waiting(IO.name) == 0)
    left = services.waiting(IO.dead_letter_queue)
    found = services.verdict()
    tally(
        "F33",
        "ours",
        deaths=50,
        tasks=1000,
        left=left,
        lost=len(found.lost),
        repeated_effects=len(found.repeated_effects),
        repeated_runs=len(found.repeated_runs),
    )
    assert left == 0
    assert found.good, found
    assert found.repeated_runs == []
    assert Action.objects.count() == 1000


def test_f35_each_task_that_always_fails_is_one_dead_letter_with_its_reason(
    services: Services, tally
) -> None:
    """Scale: 500; the matrix has 1,000. Retries are tried in F36; here each fails at once."""
    services.start_relay()
    services.start("worker io")
    promised = promise("ledger.io_fail", keys("doomed", 500))
    eventually(lambda: services.waiting(IO.dead_letter_queue) >= 500)
    eventually(lambda: services.waiting(IO.name) == 0 and TaskResult.objects.count() == 500)
    dead = services.dead_letters(IO.name)
    named = Counter(map(key_of, dead))
    results = TaskResult.objects.filter(status="FAILURE", task_id__in=[each.headers["id"] for each in dead])
    explained = sum("fails every time" in each.result for each in results)
    found = services.verdict(elsewhere=named)
    tally("F35", "ours", tasks=500, dead_letters=len(dead), with_their_error=explained, lost=len(found.lost))
    assert named == Counter(promised)
    assert explained == 500
    assert found.good, found


def test_f35_control_stock_acknowledges_a_failure_away(services: Services, tally) -> None:
    services.stock_worker("--concurrency=2", "--pool=threads")
    services.promise_stock("stock.fail", keys("doomed", 50))
    eventually(lambda: Execution.objects.count() == 50)
    eventually(lambda: services.waiting("stock") == 0)
    found = services.verdict()
    tally("F35", "stock", tasks=50, lost=len(found.lost))
    assert len(found.lost) == 50


def test_f36_tasks_that_retry_while_the_broker_is_away_are_kept(services: Services, tally) -> None:
    """100 tasks are at work when the broker dies, and all ask for a retry before it is back."""
    services.start_relay()
    [worker] = services.start("worker io")
    promised = promise("ledger.io_retry", keys("retried", 100), seconds=4)
    eventually(lambda: len(running()) == 100)
    with services.fault("broker away"):
        services.broker.kill()
        eventually(lambda: len(worker.events("task_finished")) >= 100 or not running())
        services.broker.start()
    all_done(promised)
    dead = services.waiting(IO.dead_letter_queue)
    found = services.verdict()
    tally(
        "F36",
        "ours",
        tasks=100,
        lost=len(found.lost),
        dead_letters=dead,
        repeated_runs=len(found.repeated_runs),
        repeated_effects=len(found.repeated_effects),
    )
    assert found.good, found
    assert dead == 0


def test_f36_control_stock_drops_a_retry_while_the_broker_is_away(services: Services, tally) -> None:
    worker = services.stock_worker("--concurrency=10", "--pool=threads")
    services.promise_stock("stock.retry", keys("retried", 10), seconds=3)
    eventually(lambda: len(running()) == 10)
    with services.fault("broker away"):
        services.broker.kill()
        eventually(lambda: not _younger_than(8))
        services.broker.start()
    # Every second time or so it consumes no more after the outage: what it held shall come to another.
    worker.kill_all()
    services.stock_worker("--concurrency=10", "--pool=threads")
    services.promise_stock("stock.work", ["after"])
    all_done(["after"])
    found = services.verdict()
    tally("F36", "stock", tasks=10, lost=len(found.lost))
    assert found.lost


def _younger_than(seconds: float) -> bool:
    """Whether a task began within so many seconds: until then it has not given up on its retry."""
    return Execution.objects.filter(started__gt=time.time() - seconds).exists()


def _replay(services: Services) -> int:
    return services.processes.run("deadletters", "replay", "--yes", "--queue=io").returncode


def _publish(services: Services, drafts, exchange: str = EXCHANGE, routing_key: str = IO.name) -> None:
    with Connection(services.vhost.url, transport_options={"confirm_publish": True}) as link:
        for number, draft in enumerate(drafts):
            link.default_channel.basic_publish(
                draft.message(f"draft-{number}"), exchange=exchange, routing_key=routing_key
            )
