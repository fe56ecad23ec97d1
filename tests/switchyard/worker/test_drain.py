"""A drain waits for the acknowledgement of a task, not just for its end."""

from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from celery.app.amqp import AMQP
from celery.worker import state
from celery.worker.request import Request
from kombu.message import Message

from app.celery import app
from switchyard.worker.drain import DrainStep, give_back_unstarted
from switchyard.worker.limits import LimitedCall
from switchyard.worker.threads import TaskPool


def reserved(**options: Any) -> Request:
    sent = AMQP(app).as_task_v2("one", "gallery.io_wait", ("key",), {})
    message = Message(sent.body, delivery_tag=1, headers=sent.headers, properties=sent.properties)
    request = Request(message, app=app, task=app.tasks["gallery.io_wait"], decoded=True, **options)
    state.task_reserved(request)
    return request


@pytest.fixture
def request_in_hand() -> Iterator[Request]:
    """The request of a real message, as the consumer makes it; nothing but a test can acknowledge it."""
    request = reserved()
    yield request
    state.task_ready(request)


def test_a_message_that_came_twice_is_waited_for_twice(request_in_hand: Request) -> None:
    """As after a relay that died between publish and delete."""
    again = reserved()
    step = DrainStep(None)
    step._settle(set())
    assert set(step.in_hand) == {request_in_hand, again}
    state.task_ready(again)
    again.message._state = "ACK"
    step._settle(set())
    assert set(step.in_hand) == {request_in_hand}


def test_of_a_message_that_came_twice_only_what_has_not_begun_is_given_back(request_in_hand: Request) -> None:
    given_back: list[str] = []
    request_in_hand.time_start = 1.0
    request_in_hand._apply_result = again_result = object()
    request_in_hand._on_reject = lambda *_: given_back.append("the one that runs")
    again = reserved(on_reject=lambda *_: given_back.append("the other"))
    again._apply_result = again_result
    pool = TaskPool(2)
    call = LimitedCall("one", None, None, lambda *_: None)
    call.future = Future()
    pool.calls.add(call)
    consumer = SimpleNamespace(controller=SimpleNamespace(semaphore=None), pool=pool)
    assert give_back_unstarted(consumer) == 1
    assert given_back == ["the other"]


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
