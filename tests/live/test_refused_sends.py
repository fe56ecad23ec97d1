"""What the broker refuses for the message's own sake fails the task that sent it, once, with the reason."""

import pytest
from celery import chord
from django_celery_results.models import TaskResult

from app.celery import app
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.gallery.sending import REFUSED, WAYS
from tests.gallery.tasks import join
from tests.live.broker import Vhost, dead_letters
from tests.live.processes import Process, Processes, eventually

pytestmark = pytest.mark.every_broker

#: What each way must say, of what the broker said.
REASONS = {
    "send": "invalid expiration",
    "retry": "invalid expiration",
    "publish": "invalid expiration",
    "ask elsewhere": "no queue 'nowhere'",
}


def outcomes(worker: Process) -> list[str]:
    return [line["outcome"] for line in worker.events("task_finished")]


@pytest.mark.parametrize("queue", QUEUES)
def test_a_task_that_sends_what_no_broker_takes_is_dead_lettered_once(
    yard: Processes, vhost: Vhost, queue: str
) -> None:
    worker = yard.worker(queue)
    sent = {app.tasks[f"gallery.{queue}_send"].delay(way, way).id: way for way in WAYS}
    eventually(lambda: len(outcomes(worker)) == len(WAYS))
    assert outcomes(worker) == ["failed"] * len(WAYS)
    assert {letter.headers["id"] for letter in dead_letters(vhost, queue, len(WAYS))} == set(sent)
    for task_id, way in sent.items():
        assert REASONS[way] in TaskResult.objects.get(task_id=task_id, status="FAILURE").result
    assert Run.objects.count() == len(WAYS)
    # The connections that the broker closed a channel of are still good.
    app.tasks[f"gallery.{queue}_wait"].delay("after")
    eventually(lambda: Run.objects.filter(key="after", finished__isnull=False))


def test_a_chord_whose_body_no_broker_takes_fails_with_the_reason(yard: Processes, vhost: Vhost) -> None:
    worker = yard.worker("io")
    part = app.tasks["gallery.io_give"]
    parts = [part.s(key, "number").set(ignore_result=False) for key in "ab"]
    sent = chord(parts)(join.s("sum").set(**REFUSED))
    eventually(lambda: sorted(outcomes(worker)) == ["failed", "succeeded"])
    dead_letters(vhost, "io", 1)
    assert "invalid expiration" in TaskResult.objects.get(task_id=sent.id, status="FAILURE").result
    assert Run.objects.count() == len(parts)
