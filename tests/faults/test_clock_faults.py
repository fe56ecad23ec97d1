"""A database whose clock is a day ahead for a moment, under everything that asks it for the time: F28."""

import time
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from app.celery import app
from switchyard.routing import QUEUES
from switchyard.schedule.models import Tick
from tests.database_clock import database_clock
from tests.faults.ledger.models import Promise
from tests.faults.services import Services, all_done, keys, promise
from tests.faults.test_beat_faults import every_second, lost, ticks
from tests.faults.ticks import ticks_promised
from tests.live.processes import eventually
from tests.live.test_metrics import port_of, sample

DAY = timedelta(days=1)
#: As long as the fault lasts, one a second.
TICKS_OF_TOMORROW = 10


def test_f28_a_database_a_day_ahead_for_a_moment_delays_and_loses_nothing(services: Services, tally) -> None:
    """Ticks, retries and countdowns from before it, from meanwhile and from after it; each has its effect."""
    every_second(late_seconds=120)
    with database_clock() as clock, ticks_promised():
        services.start_relay()
        [beat, *_] = services.start("beat", *(f"worker {queue}" for queue in QUEUES))
        exporter = port_of(services.processes.start("exporter", env={"EXPORTER_PORT": "0"}))
        ticks(3)
        promised = _promised("before")
        with services.fault("clock"):
            clock.set_ahead(DAY)
            meanwhile = _promised("meanwhile")
            eventually(lambda: sample(exporter, "database_clock_ahead_seconds") > DAY.total_seconds() - 60)
            all_done(promised + meanwhile, within=60)
            eventually(lambda: _of_tomorrow().count() >= TICKS_OF_TOMORROW)
            promised += meanwhile + _promised("at its end")
            clock.set_ahead(timedelta())
        promised += _promised("after")
        all_done(promised, within=60)
        eventually(lambda: _ages_are_good(exporter), within=60, what="ages as before")
        ticks(5)
        beat.kill_all()
        sent = set(Promise.objects.filter(key__startswith="tick ").values_list("key", flat=True))
        all_done(sent)
    found, kept = services.verdict(), Tick.objects.count()
    tally(
        "F28",
        "ours",
        ticks=len(sent),
        forgotten=len(sent) - kept,
        ticks_lost=lost(),
        tasks=len(promised),
        lost=len(found.lost),
        repeated_effects=len(found.repeated_effects),
    )
    assert found.good, found
    assert len(beat.events("clock_was_wrong")) == 1
    assert not _of_tomorrow().exists()
    assert len(sent) - kept >= TICKS_OF_TOMORROW
    assert lost() == 0


def _promised(prefix: str) -> list[str]:
    """Of both queues: what runs at once, what asks to be tried again, and what was asked for later."""
    found = []
    for queue in QUEUES:
        found += promise(f"ledger.{queue}_work", keys(f"{prefix}-{queue}-now", 5), seconds=1)
        found += promise(f"ledger.{queue}_retry", keys(f"{prefix}-{queue}-again", 5), seconds=0)
        found += [_promise_later(queue, key) for key in keys(f"{prefix}-{queue}-later", 5)]
    return found


def _promise_later(queue: str, key: str) -> str:
    with transaction.atomic():
        Promise.objects.create(key=key, at=time.time())
        app.tasks[f"ledger.{queue}_work"].apply_async_on_commit((key,), countdown=3)
    return key


def _of_tomorrow() -> "QuerySet[Tick]":
    return Tick.objects.filter(due_at__gt=timezone.now() + DAY / 2)


def _ages_are_good(exporter: int) -> bool:
    """Neither in the future nor a day old, and said to be so by a clock that is right."""
    ages = [
        sample(exporter, f"beat_{name}_seconds") for name in ("last_sent_age", "last_tick_age", "overdue")
    ]
    ahead = sample(exporter, "database_clock_ahead_seconds")
    return abs(ahead) < 5 and all(0 <= age < 10 for age in ages)
