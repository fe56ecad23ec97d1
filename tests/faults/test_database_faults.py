"""A database stopped without a word (F29), a pool that is full, a transaction that is never ended (F50)."""

import time

from django.db import DatabaseError, connection

from app.celery import app
from switchyard.routing import QUEUES
from tests.faults.ledger.models import Effect
from tests.faults.services import Services, all_done, keys, promise, promise_one, waiting_rows
from tests.gallery.models import Run
from tests.live.processes import eventually
from tests.switchyard.relay.instant import insert, open_transaction, session


def test_f29_a_database_that_dies_loses_no_promise_and_repeats_no_effect(services: Services, tally) -> None:
    """Scale: 3 stops of 5 s under load; the matrix has 10 of 60 s. A request meanwhile fails, and soon."""
    services.start_relay()
    services.start("worker io", "worker cpu")
    promised: list[str] = []
    waits, back, refused = [], [], 0
    for stop in range(3):
        promised += _promised(f"before-{stop}")
        with services.fault("database"):
            services.postgres.kill()
            down = time.monotonic()
            while time.monotonic() < down + 5:
                began = time.monotonic()
                try:
                    promise_one("ledger.io_work", "never")
                except DatabaseError:
                    refused += 1
                waits.append(time.monotonic() - began)
                connection.close()
                time.sleep(0.2)  # The outage's own length, five seconds.
            services.postgres.start()
        ready = time.monotonic()
        promised += _promised(f"after-{stop}")
        done = Effect.objects.count()
        eventually(lambda done=done: Effect.objects.count() > done)
        back.append(time.monotonic() - ready)
    all_done(promised)
    found = services.verdict()
    tally(
        "F29",
        "ours",
        stops=3,
        tasks=len(promised),
        requests_refused=refused,
        lost=len(found.lost),
        slowest_refusal_s=round(max(waits), 1),
        slowest_back_s=round(max(back), 1),
        repeated_effects=len(found.repeated_effects),
        repeated_runs=len(found.repeated_runs),
    )
    assert refused
    assert max(waits) <= 5
    assert max(back) <= 30
    assert found.good, found
    assert all(process.popen.poll() is None for process in services.processes.started)


def test_a_full_pool_burns_no_attempt_and_who_fills_it_is_named(services: Services, tally) -> None:
    """The pool is one connection, which a transaction keeps for 5 s while it waits for something else."""
    [worker] = services.start("worker io", env={"DJANGO_SETTINGS_MODULE": "tests.narrow"})
    app.tasks["gallery.io_hold"].delay("holder", 5)
    eventually(lambda: _in_transaction() == 1)
    app.tasks["gallery.io_wait"].delay("queued")
    with services.fault("database"):
        returned = eventually(
            lambda: [line for line in worker.events("task_finished") if line["outcome"] == "returned"]
        )
    eventually(lambda: Run.objects.filter(key="queued", finished__isnull=False).exists())
    [kept] = eventually(lambda: worker.events("connection_kept"))
    tally("full pool", "ours", returned=len(returned), dead_letters=len(services.dead_letters("io")))
    assert {line["task"] for line in returned} == {"gallery.io_wait"}
    assert Run.objects.get(key="queued").attempt == 0
    assert (kept["task"], kept["reason"]) == ("gallery.io_hold", "a transaction")
    assert services.dead_letters("io") == []


def _in_transaction() -> int:
    """Sessions that have one open and do nothing in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )
        (count,) = cursor.fetchone()
    return int(count)


def test_f50_a_transaction_that_is_never_ended_holds_up_nothing(services: Services, tally) -> None:
    """Under it a relay is killed, and who has a number already commits when all others have been sent."""
    promised: list[str] = []
    with open_transaction(), session() as late:
        relay = services.start_relay()
        services.start("worker io")
        for number in range(4):
            promised += promise("ledger.io_work", keys(f"io-{number}", 100))
            eventually(lambda: not waiting_rows())
            if number == 1:
                insert(late, "late", "nowhere")
                services.kill(relay.popen.pid, "relay")
                relay = services.start_relay()
        late.commit()
        eventually(
            lambda: relay.events("quarantined"), what="the late one, which no queue wants, to be found"
        )
        all_done(promised)
    found = services.verdict()
    repeated = len(found.repeated_effects)
    tally("F50", "ours", tasks=len(promised), lost=len(found.lost), repeated_effects=repeated)
    assert found.good, found


def _promised(prefix: str) -> list[str]:
    """Of both queues, half of it still running when the database goes; some of it asks by the async ORM."""
    io = promise("ledger.io_work", keys(f"io-{prefix}", 60), seconds=0.5)
    cpu = promise("ledger.cpu_work", keys(f"cpu-{prefix}", 10), seconds=0.2)
    return io + cpu + _promised_to_count(prefix)


def _promised_to_count(prefix: str) -> list[str]:
    """Their connections are of threads that no task ends."""
    return [
        key
        for queue in QUEUES
        for key in promise(f"ledger.{queue}_count", keys(f"{queue}-{prefix}-counted", 10), seconds=0.2)
    ]
