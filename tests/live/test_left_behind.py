"""What one task leaves in its thread, its process and the database is not there for the next."""

import pytest
from django.db import connection

from app.celery import app
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.processes import Processes, eventually

#: One slot and one connection, so that whatever is left is met.
ALONE = {"DATABASE_POOL_SIZE": "1"}


def run(queue: str, habit: str, key: str) -> list[str]:
    """Run a task to its end. The keys of the rows that it wrote, without its own."""
    app.tasks[f"gallery.{queue}_{habit}"].delay(key)
    rows = Run.objects.filter(key__startswith=key)
    eventually(lambda: rows.exclude(finished=None).exists(), within=60, what=f"{key} to run")
    return [row.key.removeprefix(key).strip() for row in rows.order_by("id")]


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_finds_nothing_that_those_before_it_have_left(yard: Processes, queue: str) -> None:
    worker = yard.worker(queue, "--concurrency", "1", env=ALONE)
    *_, client = run(queue, "look", "before")
    for number in range(2):
        run(queue, "litter", f"litter {number}")
        assert run(queue, "look", f"after {number}") == [client]
    restored = [line["restored"] for line in worker.events("task_left_behind")]
    assert len(restored) == (2 if queue == "cpu" else 0)
    assert {line["outcome"] for line in worker.events("task_finished")} == {"succeeded"}


def cut_connections() -> None:
    """As a database that is started anew does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("queue", QUEUES)
def test_connections_of_other_threads_outlive_neither_the_database_nor_their_threads(
    yard: Processes, queue: str
) -> None:
    """asgiref's thread, one of a task's own executor, and one of an executor that a module keeps."""
    worker = yard.worker(queue, "--concurrency", "1", env={"DATABASE_POOL_SIZE": "6"})
    # More often than there are connections: those of threads that have ended come back.
    for number in range(5):
        run(queue, "count", f"before {number}")
    cut_connections()
    for number in range(2):
        run(queue, "count", f"after {number}")
    assert {line["outcome"] for line in worker.events("task_finished")} == {"succeeded"}
