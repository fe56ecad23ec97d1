"""The consumer as Celery makes it: what we override of it is called, and what we read of it is there."""

from collections.abc import Iterator
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from amqp.exceptions import ConnectionError as ConnectionLost
from amqp.exceptions import NotFound
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.message import Message

from app.celery import app
from switchyard.worker.refusal import RefusingConsumer
from switchyard.worker.threads import TaskPool

TASK = "gallery.io_wait"


@pytest.fixture
def consumer() -> Iterator[Any]:
    """Of a worker that was made and never started."""
    loop = get_event_loop()
    worker = app.WorkController(hostname="one@here", pool="threads", concurrency=1)
    yield worker.consumer
    worker.hub.close()
    set_event_loop(loop)


def received(consumer: Any, channel: Any) -> tuple[Any, Any]:
    """A message that the consumer has taken, and Celery's way to acknowledge it."""
    kept: list[Any] = []
    consumer.strategies = {TASK: lambda message, body, ack, *_: kept.append(ack)}
    sent = app.amqp.as_task_v2("one", TASK, ("key",), {})
    message = Message(
        '[["key"], {}, {"callbacks": null}]',
        delivery_tag=7,
        headers=sent.headers,
        content_type="application/json",
        content_encoding="utf-8",
        channel=channel,
    )
    consumer.create_task_handler()(message)
    return message, kept[0]


def test_an_acknowledgement_is_left_to_the_loop(consumer: Any) -> None:
    acks: list[int] = []
    channel = SimpleNamespace(no_ack_consumers=None, basic_ack=lambda tag, **_: acks.append(tag))
    message, ack = received(consumer, channel)
    thread = Thread(target=ack, args=(consumer, ()))
    thread.start()
    thread.join()
    assert not acks
    consumer.mailbox.empty()
    assert acks == [7]
    assert message.acknowledged


def test_what_the_loop_acknowledges_itself_is_written_at_once(consumer: Any) -> None:
    acks: list[int] = []
    channel = SimpleNamespace(no_ack_consumers=None, basic_ack=lambda tag, **_: acks.append(tag))
    _, ack = received(consumer, channel)
    ack(consumer, ())
    assert acks == [7]


def test_a_consumer_has_what_we_read_of_it(consumer: Any) -> None:
    assert isinstance(consumer, RefusingConsumer)
    assert isinstance(consumer.pool, TaskPool)
    assert consumer.pool.mailbox is consumer.mailbox
    assert consumer.hub is consumer.controller.hub
    assert consumer.timer.call_repeatedly
    assert issubclass(ConnectionLost, consumer.connection_errors)
    assert issubclass(NotFound, consumer.channel_errors)
