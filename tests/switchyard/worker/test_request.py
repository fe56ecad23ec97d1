"""What a worker reads of a message that came to it."""

import pytest
from celery.exceptions import Ignore, Reject, Retry, TimeLimitExceeded, WorkerLostError
from celery.worker.request import Request
from kombu.message import Message

from app.celery import app
from switchyard.outage import BrokerAway
from switchyard.outbox.amqp import captured
from switchyard.outbox.journal import SENT_AT
from switchyard.worker.metrics import FAILURES, OUTCOMES
from switchyard.worker.request import JournaledRequest, outcome_of

TASK = "gallery.io_wait"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Ignore(), "ignored"),
        (Ignore("not any more"), "ignored"),
        (Reject("no"), "rejected"),
        (Retry("later"), "retried"),
        (BrokerAway("gone"), "returned"),
        (WorkerLostError("killed"), "lost"),
        (SystemExit(1), "lost"),
        (TimeLimitExceeded(1), "timed_out"),
        (KeyError("any other"), "failed"),
    ],
)
def test_each_end_has_its_word_and_none_that_is_meant_is_a_failure(error: Exception, outcome: str) -> None:
    assert outcome_of(error) == outcome
    assert outcome in {*OUTCOMES, "timed_out"}
    assert (outcome in FAILURES) == (outcome in {"lost", "failed"})


def test_a_task_that_sends_another_in_its_place_is_replaced() -> None:
    task = app.tasks[TASK]
    task.push_request(id="one", called_directly=False, is_eager=False)
    try:
        with captured() as rows, pytest.raises(Ignore) as raised:
            task.replace(task.s("another"))
    finally:
        task.pop_request()
    assert len(rows) == 1
    assert outcome_of(raised.value) == "replaced"


@pytest.mark.parametrize(("kind", "waits"), [(JournaledRequest, False), (Request, True)])
def test_what_waited_on_the_broker_does_not_wait_once_more_in_the_worker(
    kind: type[Request], waits: bool
) -> None:
    sent = app.amqp.as_task_v2("one", TASK, ("key",), {}, countdown=600)
    headers = sent.headers | {SENT_AT: 1.0}
    message = Message(sent.body, delivery_tag=1, headers=headers, properties=sent.properties)
    request = kind(message, app=app, task=app.tasks[TASK], decoded=True)
    assert bool(request.eta) == waits
