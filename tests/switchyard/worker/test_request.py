"""What a worker reads of a message that came to it."""

import pytest
from celery.worker.request import Request
from kombu.message import Message

from app.celery import app
from switchyard.outbox.journal import SENT_AT
from switchyard.worker.request import JournaledRequest

TASK = "gallery.io_wait"


@pytest.mark.parametrize(("kind", "waits"), [(JournaledRequest, False), (Request, True)])
def test_what_waited_on_the_broker_does_not_wait_once_more_in_the_worker(
    kind: type[Request], waits: bool
) -> None:
    sent = app.amqp.as_task_v2("one", TASK, ("key",), {}, countdown=600)
    headers = sent.headers | {SENT_AT: 1.0}
    message = Message(sent.body, delivery_tag=1, headers=headers, properties=sent.properties)
    request = kind(message, app=app, task=app.tasks[TASK], decoded=True)
    assert bool(request.eta) == waits
