"""Pages stay as small with thousands of entries, or of one-off tasks, as with a few."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask

from switchyard.ops.schedule import LISTED
from switchyard.schedule.models import Clock, Tick

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANY = 3 * LISTED


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("one on call"))
    return client


def page(client: Client, name: str, **query: str) -> str:
    answer = client.get(reverse(f"admin:{name}"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def add_entries(count: int, of: str = "tenant") -> None:
    hourly, _ = IntervalSchedule.objects.get_or_create(every=1, period="hours")
    PeriodicTask.objects.bulk_create(
        PeriodicTask(name=f"{of} {number:03}", task="gallery.io_wait", interval=hourly)
        for number in range(count)
    )
    Clock.objects.update(due_at=datetime.now(UTC) + timedelta(hours=1))


def test_the_schedules_page_shows_a_hundred_entries_and_what_is_overdue_before_the_others(client) -> None:
    add_entries(MANY)
    late = PeriodicTask.objects.get(name=f"tenant {MANY - 1}")
    Clock.objects.filter(entry=late).update(due_at=NOON)
    shown = page(client, "switchyard_schedule")
    assert shown.count('<th scope="row">') == LISTED
    assert f"The first {LISTED} of {MANY} entries" in shown
    assert shown.index(late.name) < shown.index("tenant 000")


def test_the_schedules_page_finds_an_entry_by_a_part_of_its_name_or_of_its_tasks(client) -> None:
    add_entries(MANY)
    assert page(client, "switchyard_schedule", entry="ANT 299").count('<th scope="row">') == 1
    assert "The first" in page(client, "switchyard_schedule", entry="io_wait")
    assert "None matches" in page(client, "switchyard_schedule", entry="nothing like it")
    assert page(client, "switchyard_schedule", entry="\0").count('<th scope="row">') == LISTED


def test_a_schedule_of_few_entries_says_nothing_of_a_first_part(client) -> None:
    add_entries(2)
    assert "The first" not in page(client, "switchyard_schedule")


def test_the_form_of_an_entry_does_not_list_the_moment_of_every_one_off_task(client) -> None:
    """100,000 of them made it a page of 6 MB."""
    few = page(client, "django_celery_beat_periodictask_add")
    ClockedSchedule.objects.bulk_create(ClockedSchedule(clocked_time=NOON) for _ in range(MANY))
    assert len(page(client, "django_celery_beat_periodictask_add")) < len(few) + MANY


def test_the_list_of_ticks_does_not_name_every_entry_beside_them(client) -> None:
    Tick.objects.bulk_create(
        Tick(entry=f"tenant {number}", due_at=NOON, sent_at=NOON, task_id=uuid4()) for number in range(MANY)
    )
    assert "?entry=" not in page(client, "switchyard_tick_changelist")
