"""A call in a running task goes to the broker at once, or with the task's transaction through the outbox."""

from typing import Any

import pytest

from app.celery import app
from switchyard.outbox.models import Message
from tests.gallery.calls import WAYS
from tests.gallery.models import Run
from tests.live.broker import dead, waiting
from tests.live.processes import Processes, eventually

#: How often the other task is called at once, and how often by way of the outbox.
WANTED = {
    "alone": (1, 0),
    "together": (3, 0),
    "by_name": (1, 0),
    "committed": (0, 1),
    "rolled_back": (0, 0),
    "retried": (1, 0),
    "replaced": (1, 0),
}
#: With the setting; what ends its run is sent at once all the same.
BY_OUTBOX = {way: (0, sum(counts)) for way, counts in WANTED.items()} | {"replaced": (1, 0)}


def called() -> list[str]:
    return [*Run.objects.filter(key__endswith=" called").order_by("key").values_list("key", flat=True)]


def expected(calls: dict[str, int]) -> list[str]:
    """The keys of the tasks that are called, by how often each way calls."""
    return sorted(
        f"{way} {number} called" if way == "together" else f"{way} called"
        for way, count in calls.items()
        for number in range(count)
    )


@pytest.fixture(params=["broker", "outbox"])
def wanted(request: pytest.FixtureRequest, yard: Processes) -> dict[str, tuple[int, int]]:
    """What is called how, by the setting TASKS_SEND_BY."""
    if request.param == "broker":
        return WANTED
    yard.environment["DJANGO_SETTINGS_MODULE"] = "tests.by_outbox"
    return BY_OUTBOX


@pytest.mark.parametrize("queue", ["io", "cpu"])
def test_a_running_task_calls_by_the_way_that_is_safe_there(
    yard: Processes, channel: Any, queue: str, wanted: dict[str, tuple[int, int]]
) -> None:
    for name in {queue, "io"}:
        yard.worker(name)
    for way in WAYS:
        app.tasks[f"gallery.{queue}_call"].apply_async((way, way))
    # The retry is a run of its own.
    eventually(lambda: Run.objects.filter(key__in=WAYS, finished__isnull=False).count() == len(WAYS) + 1)
    eventually(lambda: called() == expected({way: counts[0] for way, counts in wanted.items()}))
    eventually(lambda: Message.objects.count() == sum(kept for _, kept in wanted.values()))
    yard.relay()
    eventually(lambda: called() == expected({way: sum(counts) for way, counts in wanted.items()}))
    eventually(lambda: not Message.objects.exists())
    assert [waiting(channel, name) for name in ("io", "cpu")] == [0, 0]
    assert [dead(channel, name) for name in ("io", "cpu")] == [0, 0]
