"""Connections that are cut again and again while work goes on: F40."""

import time
from pathlib import Path

import pytest
from django.db import transaction
from kombu import Connection

from app.celery import app
from switchyard.routing import QUEUES
from tests.faults.ledger.models import Effect, Execution, Promise
from tests.faults.proxy import Proxy
from tests.faults.services import Services, all_done, keys, running, steady
from tests.faults.stock.late import LATE, LIMIT
from tests.live.processes import eventually

pytestmark = pytest.mark.every_broker

CUTS = 20
#: Of a long task, which ends when it is told to: no limit is what is tried here.
LONGEST_SECONDS = 900
#: Until a broker that does not answer is given up.
SILENT_SECONDS = 30


@pytest.mark.parametrize("queue", QUEUES)
def test_f40_twenty_cuts_end_no_healthy_task_and_repeat_no_long_one(
    services: Services, tally, queue: str, tmp_path: Path
) -> None:
    """20 cuts in about a minute, of a worker whose long tasks last longer than all of them."""
    over = tmp_path / "over"
    services.start_relay()
    with Proxy(services.broker_port) as proxy:
        env = services.through(proxy)
        services.start(f"worker {queue} --concurrency=8", env=env)
        long = [promise_long(queue, key, over) for key in keys("long", 6)]
        eventually(lambda: len(running()) == 6)
        with services.fault("cuts"), steady(f"ledger.{queue}_work", "short", 3) as short:
            for _ in range(CUTS):
                # The cuts' own pace: 20 in about a minute.
                time.sleep(2)
                cut_when_connected(proxy)
            went_on = Effect.objects.filter(key__startswith="short").count()
        assert set(long) <= running()
        assert services.dead_letters(queue) == []
        over.touch()
        all_done([*long, *short])
    found = services.verdict()
    begun = Execution.objects.filter(key__startswith="long").count()
    dead = services.dead_letters(queue)
    tally(
        "F40",
        f"ours, {queue}",
        cuts=CUTS,
        tasks=len(long) + len(short),
        lost=len(found.lost),
        dead_letters=len(dead),
        long_ones_begun=begun,
        short_ones_repeated=len([key for key in found.repeated_runs if key in short]),
        short_ones_done_meanwhile=went_on,
    )
    assert dead == []
    assert found.good, found
    assert begun == len(long)
    assert went_on >= len(short) / 2


def test_f40_control_late_acknowledgement_loses_what_was_cut_off_too_often(
    services: Services, tally, tmp_path: Path
) -> None:
    """At each cut the broker gives everything out anew, to who still has it, until that is too often for it.

    The worker runs them again and again; no broker has them any more when it ends.
    """
    over = tmp_path / "over"
    with Proxy(services.broker_port) as proxy:
        flags = "--concurrency=2", "--pool=threads"
        worker = services.stock_worker(*flags, of=LATE, env=services.through(proxy))
        promised = services.promise_stock("late.outlast", keys("long", 6), until=str(over))
        eventually(lambda: len(running()) == 2)
        with services.fault("cuts"):
            for _ in range(LIMIT + 3):
                eventually(lambda: proxy.connections and services.waiting("late") == 0, what="all given out")
                proxy.cut()
            worker.kill_all()
    over.touch()
    services.stock_worker(*flags, of=LATE)
    services.promise_stock("late.outlast", ["last"], until=str(over))
    all_done(["last"])
    found = services.verdict()
    tally("F40", "stock, late", cuts=LIMIT + 3, tasks=found.promised, lost=len(found.lost))
    assert found.lost == promised


def test_a_broker_that_reads_nothing_is_left_without_waiting_for_its_farewell(services: Services) -> None:
    """As it is in alarm. The wait for an answer, here long, is for what somebody needs the answer of."""
    with Proxy(services.broker_port) as proxy:
        url = services.through(proxy)["BROKER_URL"]
        link = Connection(url, transport_options={"read_timeout": SILENT_SECONDS})
        assert link.default_channel.is_open
        proxy.hold_questions()
        began = time.monotonic()
        link.close()
    assert time.monotonic() - began < SILENT_SECONDS / 2


def promise_long(queue: str, key: str, until: Path) -> str:
    """A task that lasts until there is such a file, and may."""
    with transaction.atomic():
        Promise.objects.create(key=key, at=time.time())
        app.tasks[f"ledger.{queue}_outlast"].apply_async_on_commit(
            (key, str(until)), soft_time_limit=LONGEST_SECONDS, time_limit=LONGEST_SECONDS * 2
        )
    return key


def cut_when_connected(proxy: Proxy) -> None:
    eventually(lambda: proxy.connections)
    proxy.cut()
