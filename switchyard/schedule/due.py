"""Computes when an entry is due: the same for every beat, whatever its clock says and whenever it looks.

A due time is computed from the one before it: for a crontab the next matching minute, for an interval the
next multiple from where the count began (``start_time``, or when the entry was saved). All is UTC; a crontab
in another zone follows that zone's wall clock.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from switchyard.schedule.models import Clock

#: The first due time after a moment; None when there is none.
Timetable = Callable[[datetime], datetime | None]
#: What a row of a schedule says, to be a key.
Fields = tuple[tuple[str, Any], ...]

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
SHORTEST_INTERVAL = timedelta(seconds=1)


def counted_by(entry: PeriodicTask) -> str:
    """The schedule as text: what has to change for the count to start anew."""
    start = f", from {entry.start_time.isoformat()}" if entry.start_time else ""
    schedule = entry.scheduler
    kind: Any = type(schedule)
    return f"{schedule and _said_of(kind, _fields(schedule))}{start}"


def counted_to(entry: PeriodicTask, clock: Clock) -> datetime:
    """The moment up to which every due time has been dealt with."""
    return clock.last_due_at or (LONG_AGO if entry.clocked else clock.counts_from)


def next_due(entry: PeriodicTask, clock: Clock) -> datetime | None:
    return timetable(entry, clock)(counted_to(entry, clock))


def newest_due(after: Timetable, start: datetime, now: datetime) -> datetime:
    """The last due time until ``now``; the caller knows that there is one after ``start``.

    It is looked for backwards, in windows that double: an outage of a month has 43,200 minutes.
    """
    window = timedelta(minutes=1)
    due = after(max(start, now - window))
    while due is None or due > now:
        window *= 2
        due = after(max(start, now - window))
    while (following := after(due)) is not None and following <= now:
        due = following
    return due


def timetable(entry: PeriodicTask, clock: Clock) -> Timetable:
    """Raises ValueError for a schedule that has no due times; what Celery raises for one it cannot read."""
    after = _by_kind(entry, clock)
    start = entry.start_time
    return after if start is None else lambda moment: after(max(moment, start - INSTANT))


def _by_kind(entry: PeriodicTask, clock: Clock) -> Timetable:
    if entry.interval:
        every = _interval(_fields(entry.interval))
        return _multiples(every, entry.start_time or clock.counts_from)
    if entry.crontab:
        return _matching_minutes(_fields(entry.crontab))
    if entry.solar:
        return _sun(entry.schedule)
    if entry.clocked:
        once: datetime = entry.clocked.clocked_time
        return lambda moment: once if moment < once else None
    raise ValueError("it has neither an interval nor a crontab, a solar event or a clocked time")


def _fields(schedule: Any) -> Fields:
    """All that a row of a schedule says."""
    return tuple([item for item in vars(schedule).items() if item[0] != "_state"])


# Of thousands of entries most have the same schedules: what is made of one is kept, under all that it says.
@lru_cache(maxsize=1000)
def _said_of(kind: Any, fields: Fields) -> str:
    return str(kind(**dict(fields)))


@lru_cache(maxsize=1000)
def _interval(fields: Fields) -> timedelta:
    every: timedelta = IntervalSchedule(**dict(fields)).schedule.run_every
    return every


def _multiples(every: timedelta, origin: datetime) -> Timetable:
    if every < SHORTEST_INTERVAL:
        raise ValueError(f"its interval of {every.total_seconds()} s is shorter than 1 s")
    return lambda moment: origin + ((moment - origin) // every + 1) * every


@lru_cache(maxsize=1000)
def _matching_minutes(fields: Fields) -> Timetable:
    crontab = CrontabSchedule(**dict(fields)).schedule

    # They are due at the same moments.
    @lru_cache(maxsize=20)
    def after(moment: datetime) -> datetime:
        # In its zone: before 5.7 Celery matches the fields in the zone of the moment.
        start, step, _now = crontab.remaining_delta(moment.astimezone(crontab.tz))
        found: datetime = start + step
        # In the hour that autumn repeats, Celery's sum is of its first pass.
        later = found if found.astimezone(UTC) > moment else found.replace(fold=1)
        due = later.astimezone(UTC)
        return _in_repeated_hour(crontab, moment, due) or due

    return after


def _in_repeated_hour(crontab: Any, moment: datetime, due: datetime) -> datetime | None:
    """The due time before ``due``, at which Celery's sum arrives by jumping over the hour's second pass.

    As cron has it: what runs at every hour goes on through both passes; what names its hours, once.
    """
    begin, end = (each.astimezone(crontab.tz).replace(tzinfo=None) for each in (moment, due))
    if len(crontab.hour) < 24 or end - begin >= due - moment or due - moment > timedelta(hours=3):
        return None
    first = moment.replace(second=0, microsecond=0)
    minutes = (first + number * timedelta(minutes=1) for number in range(1, 180))
    return next((each for each in minutes if each < due and _matches(crontab, each)), None)


def _matches(crontab: Any, moment: datetime) -> bool:
    wall = moment.astimezone(crontab.tz)
    on_day = wall.isoweekday() % 7 in crontab.day_of_week and wall.day in crontab.day_of_month
    return on_day and wall.month in crontab.month_of_year and wall.minute in crontab.minute


def _sun(solar: Any) -> Timetable:
    """Rounded up to a second: an event's own second must not find the same event again."""

    def after(moment: datetime) -> datetime:
        solar.nowfun = lambda: moment
        found: datetime = moment + solar.remaining_estimate(moment)
        return found.replace(microsecond=0) + timedelta(seconds=1)

    return after
