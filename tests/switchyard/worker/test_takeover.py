"""A message that comes back goes to the run that still has it, and to no run that has ended."""

import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from amqp.exceptions import RecoverableConnectionError
from celery.worker import state
from kombu.message import Message

from switchyard.worker.takeover import Takeover, in_hand

ERRORS = (RecoverableConnectionError,)


class Channel:
    """Notes what was said on it; nothing is, once it is ``lost``."""

    no_ack_consumers = None

    def __init__(self) -> None:
        self.said: list[tuple[str, int]] = []
        self.lost = False

    def basic_ack(self, tag: int, **_: Any) -> None:
        self._say("ack", tag)

    def basic_reject(self, tag: int, *, requeue: bool) -> None:
        self._say("requeue" if requeue else "reject", tag)

    def _say(self, what: str, tag: int) -> None:
        if self.lost:
            raise RecoverableConnectionError("connection already closed")
        self.said.append((what, tag))


class Request:
    """Of a run that goes on until ``end``."""

    def __init__(self, message: Message) -> None:
        self.id = message.headers["id"]
        self.message = message
        self.time_start: float | None = None

    def begin(self) -> "Request":
        self.time_start = 1.0
        state.requests[self.id] = self
        state.active_requests.add(self)
        return self

    def end(self) -> None:
        state.task_ready(self)


@pytest.fixture(autouse=True)
def _no_state() -> Iterator[None]:
    yield
    state.reset_state()


@pytest.fixture
def takeover() -> Takeover:
    return Takeover()


def delivered(channel: Channel, tag: int, task_id: str = "one", body: str = "[]", **headers: Any) -> Message:
    own = {"id": task_id, "task": "t", "retries": 0}
    return Message(body, delivery_tag=tag, headers={**own, **headers}, channel=channel)


def ack(takeover: Takeover, message: Message) -> None:
    takeover.answer(message.ack_log_error, SimpleNamespace(critical=lambda *_, **__: None), ERRORS)


def reject(takeover: Takeover, message: Message, requeue: bool) -> None:
    logger = SimpleNamespace(critical=lambda *_, **__: None)
    takeover.answer(message.reject_log_error, logger, ERRORS, requeue)


def lost(takeover: Takeover, channel: Channel, *requests: Request) -> Channel:
    """The connection that comes after."""
    channel.lost = True
    takeover.lose(set(requests))
    return Channel()


def test_a_run_takes_its_message_over_and_acknowledges_the_new_delivery(takeover: Takeover) -> None:
    old = Channel()
    run = Request(delivered(old, 1)).begin()
    new = lost(takeover, old, run)
    assert takeover.running == 1
    assert takeover.take(delivered(new, 7, **{"x-delivery-count": 1, "x-acquired-count": 1}))
    assert takeover.running == 0
    run.end()
    ack(takeover, run.message)
    assert (old.said, new.said) == ([], [("ack", 7)])


def test_headers_may_come_in_another_order(takeover: Takeover) -> None:
    """As RabbitMQ 3.10 sorts them when it adds its count of deliveries."""
    old = Channel()
    run = Request(delivered(old, 1)).begin()
    message = delivered(lost(takeover, old, run), 2)
    message.headers = dict(sorted(message.headers.items(), reverse=True)) | {"x-delivery-count": 1}
    assert takeover.take(message)


def test_a_message_is_taken_over_through_any_number_of_lost_connections(takeover: Takeover) -> None:
    channel = Channel()
    run = Request(delivered(channel, 1)).begin()
    for tag in range(2, 22):
        channel = lost(takeover, channel, run)
        assert takeover.take(delivered(channel, tag))
    ack(takeover, run.message)
    assert channel.said == [("ack", 21)]


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("word", ["ack", "reject"])
def test_what_ended_without_a_connection_is_answered_when_its_message_comes(
    takeover: Takeover, word: str, noticed: bool
) -> None:
    old = Channel()
    run = Request(delivered(old, 1)).begin()
    if noticed:
        new = lost(takeover, old, run)
    old.lost = True
    run.end()
    if word == "ack":
        ack(takeover, run.message)
    else:
        reject(takeover, run.message, requeue=False)
    if not noticed:
        new = lost(takeover, old)
    assert takeover.running == 0
    assert takeover.take(delivered(new, 3))
    assert new.said == [(word, 3)]
    assert not takeover.take(delivered(new, 4))


def test_what_was_to_go_back_is_back_and_runs_again(takeover: Takeover) -> None:
    old = Channel()
    run = Request(delivered(old, 1)).begin()
    new = lost(takeover, old, run)
    run.end()
    reject(takeover, run.message, requeue=True)
    assert not takeover.take(delivered(new, 2))


def test_a_run_that_has_ended_takes_nothing_over(takeover: Takeover) -> None:
    """Nobody would acknowledge it: it would be lost until the next connection."""
    old = Channel()
    run = Request(delivered(old, 1)).begin()
    new = lost(takeover, old, run)
    run.end()
    assert not takeover.take(delivered(new, 2))


@pytest.mark.parametrize(
    "other", [{"task_id": "two"}, {"body": "[1]"}, {"retries": 1}, {"replay_of": "this"}], ids=str
)
def test_another_message_is_another_run(takeover: Takeover, other: dict[str, Any]) -> None:
    old = Channel()
    run = Request(delivered(old, 1)).begin()
    new = lost(takeover, old, run)
    assert not takeover.take(delivered(new, 2, **other))


def test_of_two_copies_each_is_taken_over_once_and_a_third_runs(takeover: Takeover) -> None:
    old = Channel()
    runs = [Request(delivered(old, tag)).begin() for tag in (1, 2)]
    state.reserved_requests.update(runs)
    new = lost(takeover, old, *runs)
    assert [takeover.take(delivered(new, tag)) for tag in (3, 4, 5)] == [True, True, False]
    assert {run.message.delivery_tag for run in runs} == {3, 4}


def test_an_answer_is_not_kept_for_ever(takeover: Takeover, monkeypatch) -> None:
    channel = Channel()
    monkeypatch.setattr("switchyard.worker.takeover.KEPT_SECONDS", -1)
    for number in range(100):
        run = Request(delivered(channel, number, f"task {number}")).begin()
        channel = lost(takeover, channel, run)
        run.end()
        ack(takeover, run.message)
    assert not takeover.take(delivered(channel, 1, "task 99"))
    assert (
        len(takeover._of_message) == len([each for group in takeover._lost.values() for each in group]) <= 1
    )


def test_what_is_in_hand_can_be_looked_at_while_threads_end_their_tasks() -> None:
    """A drain that looked at that moment ended the worker's loop: "Set changed size during iteration"."""
    requests = [Request(delivered(Channel(), number, f"task {number}")) for number in range(200)]
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            for request in requests:
                state.task_reserved(request)
            for request in requests:
                state.task_ready(request)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(300):
            assert in_hand() <= {*requests}
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
