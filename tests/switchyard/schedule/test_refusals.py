"""What beat would refuse is refused where it is entered, named by a release, kept, counted and shown."""

import json
import sys
from typing import Any

import pytest
from django.db import connection
from django_celery_beat.models import (
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from switchyard.metrics.beat import read_beat
from switchyard.ops.admin import EntryForm
from switchyard.schedule import checks
from switchyard.schedule.listing import listed, matching, worst_first
from switchyard.schedule.models import Clock, Refusal
from switchyard.schedule.rows import put_off
from tests.switchyard.schedule.test_ticks import after, entry, seen_at, tick

RENAMED = "gallery.io_renamed"


@pytest.fixture(autouse=True)
def database(db: None) -> None:
    """Each test has one."""


def refused(name: str = "e") -> str | None:
    [row] = listed(matching(name))
    said: str | None = row["refused"]
    return said


def test_an_entry_that_is_refused_says_so_until_it_is_edited_or_sent() -> None:
    row = entry(task=RENAMED)
    assert (refused(), read_beat().refused) == (None, 0)
    for seconds in (12, 22):
        assert tick(row.pk, after(seconds)).verdict == "tick_refused"
    assert refused().startswith("refused 2 times since 2026-03-01 12:00 UTC: This release has no task")
    assert read_beat().refused == 1
    # Control: nothing else of what is measured tells that it is never sent.
    assert read_beat().overdue < 1e9
    PeriodicTask.objects.filter(pk=row.pk).update(task="gallery.io_wait")
    assert (refused(), read_beat().refused) == (None, 0)
    seen_at(row, after(25))
    assert tick(row.pk, after(40)).verdict == "tick_sent"
    assert not Refusal.objects.exists()


def test_a_task_that_comes_back_with_a_release_ends_the_refusal_without_an_edit(monkeypatch) -> None:
    row = entry(kwargs="[1]")
    tick(row.pk, after(12))
    assert read_beat().refused == 1
    monkeypatch.setattr(
        "switchyard.schedule.call._json", lambda _entry, _field, kind: kind(("key",) if kind is list else ())
    )
    assert tick(row.pk, after(22)).verdict == "tick_sent"
    assert (refused(), read_beat().refused) == (None, 0)


def test_another_reason_begins_a_new_count() -> None:
    row = entry(task=RENAMED)
    tick(row.pk, after(12))
    put_off(row.pk, 60, after(15), "ValueError: something else.")
    assert refused() == "refused 1 times since 2026-03-01 12:00 UTC: ValueError: something else."


def test_a_refused_entry_stands_before_the_others_and_a_disabled_one_is_none() -> None:
    for name in ("a", "b"):
        entry(name)
    tick(entry("c", task=RENAMED).pk, after(12))
    assert worst_first(matching())[0].name == "c"
    PeriodicTask.objects.filter(name="c").update(enabled=False)
    assert (refused("c"), read_beat().refused) == (None, 0)


def test_a_release_that_knows_nothing_of_refusals_can_delete_the_entry() -> None:
    row = entry(task=RENAMED)
    tick(row.pk, after(12))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_celery_beat_periodictask; SET CONSTRAINTS ALL IMMEDIATE")
    assert read_beat().refused == 0


def test_a_check_names_the_rows_that_this_release_cannot_send_and_does_not_fail_for_them(monkeypatch) -> None:
    entry("right")
    entry("its task is gone", task=RENAMED)
    entry("its arguments are none", kwargs="[1]")
    entry("elsewhere", queue="elsewhere")
    found = {finding.obj: finding.id for finding in checks.rows_can_be_sent()}
    assert found == {
        "its task is gone": "yard.W5",
        "its arguments are none": "yard.W5",
        "elsewhere": "yard.E16",
    }
    monkeypatch.setattr(checks, "MOST_ROWS", 1)
    monkeypatch.setattr(checks, "PAGE", 2)
    [first, rest] = checks.rows_can_be_sent()
    assert "This release has no task" in first.msg
    assert rest.msg == "2 more rows of the schedule cannot be sent."
    PeriodicTask.objects.update(enabled=False)
    assert not list(checks.rows_can_be_sent())


def entered(**fields: Any) -> EntryForm:
    interval, _ = IntervalSchedule.objects.get_or_create(every=10, period="seconds")
    right = {
        "name": "e",
        "task": "gallery.io_wait",
        "enabled": True,
        "interval": interval.pk,
        "args": '["key"]',
    }
    return EntryForm(data=right | {"kwargs": "{}", "headers": "{}"} | fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task": RENAMED}, "This release has no task"),
        ({"task": "nobody.routes"}, "no route leads from that name"),
        ({"kwargs": "[1]"}, "where JSON of an object was expected"),
        ({"kwargs": '"text"'}, "where JSON of an object was expected"),
        ({"kwargs": "{'key': 1}"}, "Unable to parse JSON"),
        ({"kwargs": '{"no": "such"}'}, "does not take these arguments"),
        ({"args": "{}", "kwargs": '{"key": 1}'}, "where JSON of a list was expected"),
        ({"args": "1"}, "where JSON of a list was expected"),
        ({"args": "null"}, "where JSON of a list was expected"),
        ({"args": "[1"}, "Unable to parse JSON"),
        ({"args": "[]"}, "does not take these arguments"),
        ({"args": "[1, 2, 3, 4, 5]"}, "does not take these arguments"),
        ({"headers": "[1]"}, "where JSON of an object was expected"),
        ({"headers": "x"}, "are not JSON"),
        ({"headers": '{"a": NaN}'}, "NaN"),
        ({"headers": json.dumps({"a": "x" * 70_000})}, "headers"),
        ({"args": json.dumps(["x" * 1_100_000])}, "bytes"),
        ({"queue": "elsewhere"}, "not a declared queue"),
        ({"priority": "999"}, "less than or equal to 255"),
        ({"interval": ""}, "One of clocked, interval, crontab, or solar"),
    ],
)
def test_the_form_refuses_what_beat_would(fields: dict[str, Any], said: str) -> None:
    form = entered(**fields)
    assert not form.is_valid()
    assert said in str(form.errors.as_data())
    assert entered().is_valid()


def test_a_disabled_entry_may_name_a_task_of_the_next_release() -> None:
    assert entered(task=RENAMED, enabled=False).is_valid()


def test_the_form_takes_no_schedule_whose_library_is_not_there(monkeypatch) -> None:
    solar = SolarSchedule.objects.create(event="sunrise", latitude=52, longitude=13)
    assert entered(interval="", solar=solar.pk).is_valid()
    monkeypatch.setitem(sys.modules, "ephem", None)
    form = entered(interval="", solar=solar.pk)
    assert not form.is_valid()
    assert "ephem" in str(form.errors.as_data())


def test_what_is_tried_by_the_form_is_not_sent(transactional_db: None) -> None:
    assert entered().is_valid()
    assert not Clock.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM switchyard_outbox")
        assert cursor.fetchone() == (0,)
