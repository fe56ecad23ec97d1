"""Why a task failed is said by its own exception: in result, list, page, log and metrics."""

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django_celery_results.models import TaskResult

from app.celery import app
from switchyard.routing import QUEUES
from tests.gallery.errors import RAISED
from tests.gallery.models import Run
from tests.live.jobs import copied
from tests.live.processes import Process, Processes, eventually
from tests.live.test_metrics import port_of, sample

#: Kind to the exception's class and a part of what it says, as the list shows both.
SAID = {
    "hostile": ("ValueError", r"nul \x00 and \udcff and \u202e and 😀"),
    "unpicklable": ("Unpicklable", "lock number 1"),
    "unpicklable value": ("UnpicklableValue", "my own text"),
    "unloadable": ("Unloadable", "no such card"),
    "mute": ("Mute", ""),
    "worded": ("Worded", "worded by its class"),
    "huge": ("ValueError", "xxxx"),
    "many": ("ValueError", "0, 1, 2"),
    "group": ("ExceptionGroup", r"both \udcff"),
    "chained": ("Unpicklable", "chained number 7"),
    "bytes": ("ValueError", r"\x00\xff"),
}
#: Whose own pages are read: each page is a walk through the queue.
READ = ("hostile", "mute", "huge")
LONGEST_ROW = 150_000
LONGEST_LINE = 200_000


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_that_fails_is_found_under_its_own_exception(
    yard: Processes, client: Client, queue: str
) -> None:
    worker = yard.worker(queue)
    throw = app.tasks[f"gallery.{queue}_throw"]
    ids = {throw.delay(kind, kind).id: kind for kind in RAISED}
    eventually(lambda: len(worker.events("task_finished")) == len(ids), what="all have ended")
    letters = {letter["id"]: letter for letter in eventually(lambda: _listed(len(ids)))}
    for task_id, kind in ids.items():
        name, text = SAID[kind]
        assert letters[task_id]["error"].startswith(f"{name}: "), kind
        assert text in letters[task_id]["error"]
        row = TaskResult.objects.get(task_id=task_id)
        assert len(row.result) + len(row.traceback) < LONGEST_ROW
        assert (row.task_name, name in row.traceback) == (throw.name, True)
        assert sample(port_of(worker), "task_failures_total", task=throw.name, exception=name)
    _assert_said(worker, ids)
    _assert_shown(client, ids)


def _listed(count: int) -> list[dict[str, Any]] | None:
    output = StringIO()
    call_command("switchyard", "deadletters", "list", "--json", stdout=output)
    found = [json.loads(line) for line in output.getvalue().splitlines()]
    return found if len(found) == count else None


def _assert_said(worker: Process, ids: dict[str, str]) -> None:
    """One line for each failure, of its own class, in bounds; and none about an error of ours."""
    lines = {line["task_id"]: line for line in worker.events("task_failed")}
    assert lines.keys() == ids.keys()
    for task_id, kind in ids.items():
        assert SAID[kind][0] in lines[task_id]["exception"]
    text = worker.text()
    assert max(map(len, text.splitlines())) < LONGEST_LINE
    assert "UnicodeEncodeError" not in text
    assert "Signal handler" not in text
    assert "UnpickleableExceptionWrapper" not in text
    assert [line["outcome"] for line in worker.events("task_finished")] == ["failed"] * len(ids)


def _assert_shown(client: Client, ids: dict[str, str]) -> None:
    copied()
    client.force_login(User.objects.create_superuser("operator"))
    page = client.get("/admin/switchyard/operations/dead-letters/")
    assert page.status_code == 200
    for task_id, kind in ids.items():
        assert SAID[kind][0] in page.content.decode()
        if kind not in READ:
            continue
        one = client.get(f"/admin/switchyard/operations/dead-letters/of/{task_id}/")
        assert one.status_code == 200, kind
        assert SAID[kind][0] in one.content.decode()


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_that_leaves_its_process_is_found_with_how_it_left(yard: Processes, queue: str) -> None:
    worker = yard.worker(queue)
    sent = app.tasks[f"gallery.{queue}_leave"].delay("leaver")
    [letter] = eventually(lambda: _listed(1))
    assert (letter["id"], letter["reason"]) == (sent.id, "delivery_limit")
    assert "SystemExit: 1" in letter["error"]
    deliveries = QUEUES[queue].delivery_limit + 1
    eventually(lambda: len(worker.events("task_finished")) == deliveries)
    assert {line["outcome"] for line in worker.events("task_finished")} == {"lost"}
    name = f"gallery.{queue}_leave"
    assert sample(port_of(worker), "task_failures_total", task=name, exception="SystemExit") == deliveries


@pytest.mark.parametrize("queue", QUEUES)
def test_a_retry_runs_again_whatever_it_is_for(yard: Processes, queue: str) -> None:
    """A stock prefork worker ended of a reason whose pickle cannot be read (celery 6990)."""
    worker = yard.worker(queue)
    for kind in RAISED:
        app.tasks[f"gallery.{queue}_retry_for"].delay(kind, kind)
    eventually(lambda: len(worker.events("task_finished")) == 2 * len(RAISED), what="all have run twice")
    outcomes = [line["outcome"] for line in worker.events("task_finished")]
    assert sorted(outcomes) == ["retried"] * len(RAISED) + ["succeeded"] * len(RAISED)
    assert Run.objects.filter(finished__isnull=False).count() == len(RAISED)
    assert worker.popen.poll() is None
