"""The consumer as Celery makes it: what we override of it is called, and what we read of it is there."""

from threading import Thread
from types import SimpleNamespace
from typing import Any

from amqp.exceptions import ConnectionError as ConnectionLost
from amqp.exceptions import NotFound
from celery.worker import state
from celery.worker.consumer.delayed_delivery import DelayedDelivery
from kombu.asynchronous.semaphore import LaxBoundedSemaphore
from kombu.message import Message

from app.celery import app
from switchyard.worker import reconnection
from switchyard.worker.refusal import RefusingConsumer
from switchyard.worker.request import JournaledRequest
from switchyard.worker.takeover import in_hand
from switchyard.worker.threads import TaskPool

TASK = "gallery.io_wait"


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


def test_delayed_delivery_is_declared_at_the_start_only(consumer: Any, monkeypatch) -> None:
    """A hundred round trips: between two cuts there was never enough time to take a message."""
    declared: list[int] = []
    monkeypatch.setattr(DelayedDelivery, "start", lambda _, c: declared.append(c.restart_count))
    [step] = [each for each in consumer.steps if isinstance(each, DelayedDelivery)]
    for consumer.restart_count in (0, 1, 2):
        step.start(consumer)
    assert declared == [0]


def test_a_lost_connection_leaves_slots_taken_and_what_is_too_much_is_not_begun(
    consumer: Any, monkeypatch
) -> None:
    """Of a worker of one slot, whose run goes on when another message comes before its own."""
    held: list[tuple[Any, float]] = []
    monkeypatch.setattr(reconnection, "give_back_later", lambda *given: held.append(given))
    begun = run_of(consumer, "begun")
    waiting = run_of(consumer, "waiting", begin=False)
    consumer.on_close()
    assert {*in_hand()} == {begun}
    other, own = message("other", channel=object()), message("begun", channel=object())
    assert consumer.goes_on_with(other)
    assert held == [(other, reconnection.OVERFULL_SECONDS)]
    assert consumer.goes_on_with(own)
    assert begun.message.channel is own.channel
    assert not consumer.goes_on_with(other)
    assert not consumer.goes_on_with(message(waiting.id, channel=object()))


def test_what_no_child_process_had_accepted_is_run_anew_and_holds_no_slot(consumer: Any) -> None:
    """Celery's prefork pool drops it at a lost connection, and would tell nobody of its end."""
    consumer.pool = SimpleNamespace(flush=None, num_processes=3)
    semaphore = consumer.controller.semaphore = LaxBoundedSemaphore(3)
    begun, handed_over = run_of(consumer, "begun"), run_of(consumer, "handed over", begin=False)
    handed_over._apply_result = object()
    semaphore.value = 1
    consumer.on_close()
    assert semaphore.value == 2
    assert not consumer.goes_on_with(message("handed over", channel=object()))
    assert consumer.goes_on_with(message(begun.id, channel=object()))


def message(task_id: str, channel: Any = None) -> Message:
    sent = app.amqp.as_task_v2(task_id, TASK, ("key",), {})
    headers = sent.headers | {"origin": "here"}
    return Message(
        '[["key"], {}, {}]',
        headers=headers,
        content_type="application/json",
        content_encoding="utf-8",
        channel=channel,
        delivery_info={"routing_key": "io"},
    )


def run_of(consumer: Any, task_id: str, *, begin: bool = True) -> Any:
    """A request that was handed to the pool and accepted, or that waits for it."""
    request = JournaledRequest(message(task_id), app=app, task=app.tasks[TASK])
    state.task_reserved(request)
    if begin:
        request.on_accepted(1, 0.0)
    return request


def test_a_consumer_has_what_we_read_of_it(consumer: Any) -> None:
    assert isinstance(consumer, RefusingConsumer)
    assert isinstance(consumer.pool, TaskPool)
    assert consumer.pool.mailbox is consumer.mailbox
    assert consumer.hub is consumer.controller.hub
    assert consumer.timer.call_repeatedly
    assert issubclass(ConnectionLost, consumer.connection_errors)
    assert issubclass(NotFound, consumer.channel_errors)
