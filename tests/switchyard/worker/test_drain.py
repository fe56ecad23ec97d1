"""A drain waits for the acknowledgement of a task, not just for its end."""

from collections.abc import Iterator

import pytest
from celery.app.amqp import AMQP
from celery.worker import state
from celery.worker.request import Request
from kombu.message import Message

from app.celery import app
from switchyard.worker.drain import DrainStep


@pytest.fixture
def request_in_hand() -> Iterator[Request]:
    """The request of a real message, as the consumer makes it; nothing but a test can acknowledge it."""
    sent = AMQP(app).as_task_v2("one", "gallery.io_wait", ("key",), {})
    message = Message(sent.body, delivery_tag=1, headers=sent.headers, properties=sent.properties)
    request = Request(message, app=app, task=app.tasks["gallery.io_wait"], decoded=True)
    state.task_reserved(request)
    yield request
    state.task_ready(request)


def test_a_request_is_waited_for_until_its_acknowledgement_is_written(request_in_hand: Request) -> None:
    step = DrainStep(None)
    step._settle(set())
    assert request_in_hand in step.in_hand
    state.task_ready(request_in_hand)
    step._settle(set())
    assert request_in_hand in step.in_hand
    request_in_hand.message._state = "ACK"
    step._settle(set())
    assert not step.in_hand


def test_an_overdue_request_is_not_waited_for(request_in_hand: Request) -> None:
    step = DrainStep(None)
    step._settle({"one"})
    assert not step.in_hand


def test_an_acknowledgement_that_never_comes_is_not_waited_for_for_ever(
    request_in_hand: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switchyard.worker.drain.ACK_SECONDS", 0)
    step = DrainStep(None)
    step._settle(set())
    state.task_ready(request_in_hand)
    step._settle(set())
    assert not step.in_hand
