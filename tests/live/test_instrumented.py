"""A task runs, and its headers arrive, where a library of others watches every call."""

import pytest
from kombu.utils.json import loads

from switchyard.outbox.models import Message
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.broker import dead
from tests.live.processes import Processes, eventually

#: Each with the header that it sends along.
INSTRUMENTATIONS = {"sentry": "headers", "opentelemetry": "traceparent"}

CALLS = """
import tests.gallery.tasks
from app.celery import app
keep = app.tasks["gallery.{queue}_keep"]
keep.delay_on_commit("kept")
keep.delay_on_commit("kept again")
keep.delay("sent")
app.send_task(keep.name, ["sent by name"])
"""
KEYS = {repr(key) for key in ("kept", "kept again", "sent", "sent by name")}


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("name", INSTRUMENTATIONS)
def test_a_task_that_others_watch_runs_with_their_headers(
    yard: Processes, channel: object, name: str, queue: str
) -> None:
    """All of them were dead-lettered for Sentry's header ``headers``."""
    watched = {"DJANGO_SETTINGS_MODULE": "tests.instrumented", "INSTRUMENTATION": name}
    worker = yard.worker(queue, env=watched)
    sent = yard.run("shell", "-c", CALLS.format(queue=queue), env=watched)
    assert sent.returncode == 0, sent.stderr
    kept = [loads(row.headers) for row in Message.objects.all()]
    assert [INSTRUMENTATIONS[name] in headers for headers in kept] == [True, True]
    yard.relay()
    eventually(lambda: set(Run.objects.values_list("key", flat=True)) == KEYS, what="all four to run")
    eventually(lambda: len(worker.events("task_finished")) == len(KEYS))
    assert {line["outcome"] for line in worker.events("task_finished")} == {"succeeded"}
    assert not worker.events("message_refused")
    assert dead(channel, queue) == 0
