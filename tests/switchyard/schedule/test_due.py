"""Every beat computes the same due times, whatever its clock says and whenever it looks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from hypothesis import given
from hypothesis import strategies as st

from switchyard.schedule.decision import decide
from switchyard.schedule.due import counted_by, newest_due, next_due, timetable
from switchyard.schedule.entry import Missed
from switchyard.schedule.models import Clock, Rule

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

YEARS = timedelta(days=5 * 366)
CLOCK_CHANGES = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]

moments = st.one_of(
    st.builds(lambda passed: NOON + passed, st.timedeltas(timedelta(), YEARS)),
    st.builds(
        lambda change, passed: change + passed,
        st.sampled_from(CLOCK_CHANGES),
        st.timedeltas(timedelta(hours=-3), timedelta(hours=3)),
    ),
)
intervals = st.builds(
    lambda every, period: IntervalSchedule(every=every, period=period),
    st.integers(1, 400),
    st.sampled_from(["seconds", "minutes", "hours", "days"]),
)


def entries(*zones: str) -> st.SearchStrategy[PeriodicTask]:
    crontabs = st.builds(
        CrontabSchedule,
        minute=st.sampled_from(["*", "0", "7,8", "*/20", "59"]),
        hour=st.sampled_from(["*", "2", "3,15", "*/6"]),
        day_of_week=st.sampled_from(["*", "mon", "0,6"]),
        day_of_month=st.sampled_from(["*", "1", "29-31"]),
        timezone=st.sampled_from(zones),
    )
    return st.one_of(
        st.builds(lambda row: PeriodicTask(interval=row), intervals),
        st.builds(lambda row: PeriodicTask(crontab=row), crontabs),
    )


def every(seconds: int, **fields) -> PeriodicTask:
    return PeriodicTask(interval=IntervalSchedule(every=seconds, period="seconds"), **fields)


def at(minute: str, hour: str, timezone: str = "UTC", **fields) -> PeriodicTask:
    return PeriodicTask(crontab=CrontabSchedule(minute=minute, hour=hour, timezone=timezone), **fields)


def clock(last: datetime | None = None, since: datetime = NOON) -> Clock:
    return Clock(counts_from=since, last_due_at=last)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@given(entries("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"), moments, moments)
def test_a_due_time_is_later_than_the_one_before_it(entry, since, moment) -> None:
    due = timetable(entry, clock(since=since))(moment)
    assert due > moment
    assert due.utcoffset() == timedelta()


@given(entries("UTC"), moments, st.timedeltas(timedelta(), timedelta(days=300)), st.floats(0, 1))
def test_it_does_not_matter_when_beat_looks(entry, since, period, part) -> None:
    """No due time lies between a moment and the next due time, so each look before that finds the same."""
    entry_after = timetable(entry, clock(since=since))
    due = entry_after(since + period)
    between = since + period + (due - since - period) * part
    assert entry_after(between) == due or between == due


@given(entries("UTC"), moments, st.timedeltas(timedelta(), timedelta(hours=30)))
def test_the_newest_due_time_is_found_as_by_going_through_all(entry, since, outage) -> None:
    entry_after, now = timetable(entry, clock(since=since)), since + outage
    due, newest = entry_after(since), None
    for _ in range(2000):
        if due > now:
            break
        newest, due = due, entry_after(due)
    else:
        return
    if newest:
        assert newest_due(entry_after, since, now) == newest


def test_the_newest_minute_of_a_year_is_found_at_once() -> None:
    minutely = timetable(at("*", "*"), clock())
    asked = []

    def counted(moment: datetime) -> datetime:
        asked.append(moment)
        return minutely(moment)

    assert newest_due(counted, NOON, after(365 * 86400 + 1)) == after(365 * 86400)
    assert len(asked) < 10


@given(st.integers(1, 10**6), moments, st.integers(0, 10**4))
def test_an_interval_is_due_at_multiples_from_where_it_began_to_count(seconds, since, times) -> None:
    last = since + times * timedelta(seconds=seconds)
    assert next_due(every(seconds), clock(last, since)) == last + timedelta(seconds=seconds)


def test_an_interval_with_a_start_time_is_due_then_and_at_multiples_from_then() -> None:
    entry = every(60, start_time=after(30))
    assert next_due(entry, clock()) == after(30)
    assert next_due(entry, clock(after(30))) == after(90)
    assert next_due(entry, clock(since=after(1000))) == after(1050)


def test_a_crontab_is_due_at_its_first_minute_from_the_start_time_on() -> None:
    assert next_due(at("0", "*", start_time=after(3600)), clock()) == after(3600)
    assert next_due(at("0", "*", start_time=after(3601)), clock()) == after(7200)


def test_entries_with_the_same_crontab_have_it_read_once_and_one_that_is_edited_has_its_own() -> None:
    one, other = at("0", "*"), at("0", "*")
    assert timetable(one, clock()) is timetable(other, clock())
    other.crontab.minute = "7"
    assert (next_due(one, clock()), next_due(other, clock())) == (after(3600), after(420))
    other.crontab.timezone = "Asia/Kolkata"
    assert next_due(other, clock()) == after(37 * 60)


def test_a_clocked_entry_is_due_once_even_if_its_time_had_passed_when_it_was_made() -> None:
    entry = PeriodicTask(clocked=ClockedSchedule(clocked_time=after(-60)), one_off=True)
    assert next_due(entry, clock()) == after(-60)
    assert next_due(entry, clock(after(-60))) is None


def test_a_time_that_a_zone_skips_in_spring_is_due_an_hour_later_and_only_once() -> None:
    entry = at("30", "2", "Europe/Berlin")
    due = next_due(entry, clock(since=datetime(2026, 3, 28, 12, tzinfo=UTC)))
    assert due == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert next_due(entry, clock(due)) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (PeriodicTask(), "neither an interval nor a crontab"),
        (PeriodicTask(interval=IntervalSchedule(every=5, period="microseconds")), "shorter than 1 s"),
    ],
)
def test_a_schedule_without_due_times_says_so(entry, said) -> None:
    with pytest.raises(ValueError, match=said):
        timetable(entry, clock())


def due_now(
    entry: PeriodicTask, counted: Clock, rule: Rule, now: datetime
) -> tuple[datetime | None, bool] | None:
    """The due time that is dealt with, and whether it is sent; None when nothing is due."""
    counted.schedule = counted_by(entry)
    entry.clock, entry.rule = counted, rule
    decision = decide(entry, now)
    return (decision.due_at, decision.verdict == "tick_sent") if decision.verdict else None


ONCE, SKIP = Rule(late_seconds=30), Rule(late_seconds=30, missed=Missed.SKIP)


@pytest.mark.parametrize("rule", [ONCE, SKIP])
def test_ticks_that_are_only_late_are_each_sent(rule) -> None:
    assert due_now(every(10), clock(), rule, after(9)) is None
    assert due_now(every(10), clock(), rule, after(39)) == (after(10), True)
    assert due_now(every(10), clock(after(10)), rule, after(39)) == (after(20), True)


def test_of_missed_ticks_the_newest_runs_once_however_late() -> None:
    daily = at("0", "13")
    assert due_now(daily, clock(), ONCE, after(3 * 86400)) == (after(2 * 86400 + 3600), True)
    assert due_now(daily, clock(after(2 * 86400 + 3600)), ONCE, after(3 * 86400)) is None


def test_of_missed_ticks_none_runs_if_the_rule_says_skip_and_the_newest_is_too_late() -> None:
    assert due_now(every(100), clock(), SKIP, after(250)) == (after(200), False)
    assert due_now(every(100), clock(), SKIP, after(225)) == (after(200), True)
    assert due_now(every(100), clock(after(200)), SKIP, after(250)) is None


def test_the_sun_rises_once_a_day_whenever_beat_looks() -> None:
    row = SolarSchedule(event="sunrise", latitude=Decimal("51.48"), longitude=Decimal(0))
    after_each = timetable(PeriodicTask(solar=row), clock())
    rises = [after_each(NOON)]
    for _ in range(5):
        rises.append(after_each(rises[-1]))
    hours = [(later - rise) / timedelta(hours=1) for rise, later in pairwise(rises)]
    assert all(23.9 < each < 24.1 for each in hours)
    assert after_each(rises[1] - timedelta(hours=1)) == rises[1]


def test_in_the_hour_that_a_zone_repeats_in_autumn_the_next_due_time_is_still_a_later_one() -> None:
    minutely = timetable(at("*", "*", "Europe/Berlin"), clock())
    second_pass = CLOCK_CHANGES[1]
    hour_over = second_pass + timedelta(hours=1)
    for passed in range(60):
        moment = second_pass + timedelta(minutes=passed)
        assert moment < minutely(moment) <= hour_over


def through_autumn(entry: PeriodicTask) -> list[int]:
    """Minutes after the change of the clocks, from an hour before it to two hours after."""
    change, after_each = CLOCK_CHANGES[1], timetable(entry, clock())
    due, found = change - timedelta(hours=1, seconds=1), []
    while (due := after_each(due)) < change + timedelta(hours=2):
        found.append(round((due - change) / timedelta(minutes=1)))
    return found


@pytest.mark.parametrize(
    ("entry", "due"),
    [
        (at("*", "*", "Europe/Berlin"), list(range(-60, 120))),
        (at("*/20", "*", "Europe/Berlin"), list(range(-60, 120, 20))),
        (at("7", "*", "Europe/Berlin"), [-53, 7, 67]),
        (at("30", "2", "Europe/Berlin"), [-30]),
        (at("0,30", "2,3", "Europe/Berlin"), [-60, -30, 60, 90]),
        (at("7", "*", "UTC"), [-53, 7, 67]),
    ],
)
def test_the_hour_that_autumn_repeats_is_run_through_twice_by_what_runs_every_hour_alone(entry, due) -> None:
    """Every minute was every minute but for an hour in autumn."""
    assert through_autumn(entry) == due
