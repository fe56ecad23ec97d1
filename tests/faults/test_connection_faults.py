"""Connections that are cut again and again while work goes on: F40."""

import time

import pytest
from django.db import transaction

from app.celery import app
from switchyard.routing import QUEUES
from tests.faults.ledger.models import Effect, Execution, Promise
from tests.faults.proxy import Proxy
from tests.faults.services import Services, all_done, keys, running, steady
from tests.live.processes import eventually

pytestmark = pytest.mark.every_broker

CUTS = 20
LONG_SECONDS = 75


@pytest.mark.parametrize("queue", QUEUES)
def test_f40_twenty_cuts_end_no_healthy_task_and_repeat_no_long_one(
    services: Services, tally, queue: str
) -> None:
    """20 cuts in about a minute, of a worker whose long tasks last longer than all of them."""
    services.start_relay()
    with Proxy(services.broker_port) as proxy:
        env = services.through(proxy)
        services.start(f"worker {queue} --concurrency=8", env=env)
        long = [promise_long(queue, key) for key in keys("long", 6)]
        eventually(lambda: len(running()) == 6)
        with services.fault("cuts"), steady(f"ledger.{queue}_work", "short", 3) as short:
            cut_when_connected(proxy, CUTS)
            went_on = Effect.objects.filter(key__startswith="short").count()
        assert set(long) <= running(), "the cuts must end before the long tasks do"
        assert services.dead_letters(queue) == []
        all_done([*long, *short], within=100)
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


def promise_long(queue: str, key: str) -> str:
    """A task that lasts longer than the cuts, and may."""
    with transaction.atomic():
        Promise.objects.create(key=key, at=time.time())
        app.tasks[f"ledger.{queue}_work"].apply_async_on_commit(
            (key,), {"seconds": LONG_SECONDS}, soft_time_limit=LONG_SECONDS * 2, time_limit=LONG_SECONDS * 3
        )
    return key


def cut_when_connected(proxy: Proxy, count: int) -> None:
    """Cut it so often, each time when the worker has been connected again for 2 s."""
    for _ in range(count):
        eventually(lambda: proxy.connections)
        time.sleep(2)
        proxy.cut()
