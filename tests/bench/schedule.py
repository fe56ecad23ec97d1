"""What an entry of the schedule costs beat when many are due at one time, beside a plain call of its task.

The call is one of as many in one transaction as beat sends in one: both end as a row of the outbox.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.schedule.lease import Lease
from switchyard.schedule.models import Clock, Tick
from switchyard.schedule.scheduler import BATCH, Scheduler
from tests.bench.figures import Figure
from tests.bench.yard import Yard

PART = "schedule"
TASK = "bench.io_noop"
EVERY_SECONDS = 60
ROUNDS = 5


@dataclass(frozen=True)
class Spent:
    cpu_us: float
    wall_us: float


class Calendar(Lease):
    """A lease at whose moments this beat looks, whatever the clock says."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.moment = now

    def now(self) -> datetime:
        return self.moment


def measure(yard: Yard) -> Iterator[Figure]:
    count = yard.times(5_000)
    beat, calls = [], []
    scheduler = Scheduler(app=app, lazy=True)
    calendar = scheduler.lease = Calendar(_counted_from_now(count))
    for _ in range(ROUNDS):
        calendar.moment += timedelta(seconds=EVERY_SECONDS)
        beat.append(_spent(count, lambda: _send_all(scheduler)))
        calls.append(_spent(count, lambda: _call(count)))
    assert Tick.objects.count() == ROUNDS * count
    PeriodicTask.objects.filter(task=TASK).delete()
    Message.objects.all().delete()
    entry, call = (median(each.cpu_us for each in spent) for spent in (beat, calls))
    beside = f"a call, {BATCH} in one transaction"
    of = f"of {count:,} entries due at one time"
    yield Figure(PART, f"CPU of beat, one {of}", entry, "us", 500, False, call, beside)
    yield Figure(PART, f"CPU of beat, one {of}, over a call", entry / call, "x", 4)
    yield Figure(PART, f"sent, {of}", 1e6 / median(each.wall_us for each in beat), "/s", 1000, True)


def _counted_from_now(count: int) -> datetime:
    """Makes the entries, and returns the moment at which their clocks began."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=EVERY_SECONDS, period="seconds")
    made = PeriodicTask.objects.bulk_create(
        PeriodicTask(name=f"bench {number}", task=TASK, args="[1, 2]", interval=interval)
        for number in range(count)
    )
    now = timezone.now()
    Clock.objects.filter(entry__in=made).update(edited_at=now)
    return now


def _send_all(scheduler: Scheduler) -> None:
    while not scheduler._send():
        pass


def _call(count: int) -> None:
    noop = app.tasks[TASK]
    for begun in range(0, count, BATCH):
        with transaction.atomic():
            for _ in range(min(BATCH, count - begun)):
                noop.delay_on_commit(1, 2)


def _spent(count: int, work: Callable[[], object]) -> Spent:
    began, used = time.perf_counter(), time.thread_time()
    work()
    return Spent((time.thread_time() - used) / count * 1e6, (time.perf_counter() - began) / count * 1e6)
