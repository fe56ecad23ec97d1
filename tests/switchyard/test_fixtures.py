"""What Django dumps it loads again, the schedule with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.schedule.entry import Missed
from switchyard.schedule.models import Clock, Rule

#: Whichever comes first in INSTALLED_APPS is dumped, and loaded, first.
ORDERS = [("django_celery_beat", "switchyard"), ("switchyard", "django_celery_beat")]
NATURAL = {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def entry() -> PeriodicTask:
    """It has been counted, under a number that nothing gives it anew."""
    hourly = IntervalSchedule.objects.create(every=1, period="hours")
    entry = PeriodicTask.objects.create(name="hourly", task="gallery.io_wait", interval=hourly)
    Clock.objects.update(id=7000, schedule="every hour")
    Rule.objects.create(entry=entry, missed=Missed.SKIP)
    return entry


def found() -> list[Any]:
    """All that is to be as it was. When an entry is due, beat says anew of one that was loaded."""
    clocks = Clock.objects.values_list("pk", "entry__name", "schedule")
    return [*clocks, *Rule.objects.values_list("entry__name", "missed")]


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize("apps", ORDERS, ids=lambda apps: f"{apps[0]} first")
@pytest.mark.parametrize("keys", [{}, NATURAL], ids=["numbers", "natural keys"])
def test_a_schedule_that_was_dumped_is_loaded_again(tmp_path: Path, apps: Any, keys: Any) -> None:
    file, before = tmp_path / "dump.json", found()
    call_command("dumpdata", *apps, output=str(file), verbosity=0, **keys)
    for _ in ("over what is there", "into an empty table"):
        call_command("loaddata", str(file), verbosity=0)
        assert found() == before
        PeriodicTask.objects.all().delete()
        assert found() == []


@pytest.mark.parametrize("every_manager", [False, True])
def test_all_that_there_is_can_be_dumped(tmp_path: Path, every_manager: bool) -> None:
    app.tasks["gallery.io_wait"].delay_on_commit("one", 0)
    file = tmp_path / "dump.json"
    call_command("dumpdata", output=str(file), use_base_manager=every_manager)
    models = {row["model"] for row in json.loads(file.read_text())}
    assert "switchyard.message" in models
    assert "switchyard.operations" not in models


def test_a_database_that_was_flushed_takes_tasks_and_entries(entry: PeriodicTask) -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert found() == []
    app.tasks["gallery.io_wait"].delay_on_commit("one", 0)
    entry.interval.save(force_insert=True)
    entry.save(force_insert=True)
    assert (Message.objects.count(), Clock.objects.count()) == (1, 1)
