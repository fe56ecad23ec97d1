"""Captures what Celery's own sender would publish, by a producer that keeps it.

Every message of Celery passes ``app.amqp.send_task_message``, whatever the canvas that it belongs to; a
producer that is handed to ``apply_async`` is dropped by chains. So the switch is here, and it is a context
variable: it holds for the thread or coroutine that captures, and for nobody else.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from celery.app import amqp
from kombu.serialization import dumps
from kombu.transport.native_delayed_delivery import MAX_NUMBER_OF_BITS_TO_USE
from kombu.utils.json import JSONEncoder

from switchyard.outbox.calls import Block, publishing_in_transaction
from switchyard.outbox.errors import HeadersNotFinite, HeadersTooLarge, MessageTooLarge, TooFarAhead
from switchyard.outbox.metrics import enqueued
from switchyard.outbox.rows import Row

#: Of a message's arguments, callbacks and canvas. RabbitMQ 4 refuses above 16 MiB; a broker that replicates
#: each message to three nodes, and a worker that holds a hundred of them, are in trouble long before.
BODY_LIMIT_BYTES = 1024 * 1024
#: All headers have to fit in one AMQP frame, which is 128 KiB: a larger one ends the connection.
HEADERS_LIMIT_BYTES = 64 * 1024
#: What the 28 levels of delayed delivery can count.
LONGEST_DELAY = timedelta(seconds=2**MAX_NUMBER_OF_BITS_TO_USE - 1)

#: Made once: ``json.dumps`` makes an encoder for each call with options.
_headers_as_json = JSONEncoder(allow_nan=False).encode

_capture: ContextVar[tuple[Block, list[Row]] | None] = ContextVar("capture", default=None)
_sent: ContextVar[list[tuple[Any, dict[str, Any]]] | None] = ContextVar("recorded_messages", default=None)


@contextmanager
def captured() -> Iterator[list[Row]]:
    """Keep in the list what is sent inside the block; the broker is not contacted."""
    rows: list[Row] = []
    block = Block()
    token = _capture.set((block, rows))
    began = time.perf_counter()
    try:
        with publishing_in_transaction():
            yield rows
    finally:
        block.open = False
        _capture.reset(token)
    if rows:
        enqueued(rows[0].queue, time.perf_counter() - began)


@contextmanager
def recorded() -> Iterator[list[tuple[Any, dict[str, Any]]]]:
    """Keep, of what is captured inside the block, what Celery handed to its sender: message and options."""
    sent: list[tuple[Any, dict[str, Any]]] = []
    token = _sent.set(sent)
    try:
        yield sent
    finally:
        _sent.reset(token)


def capturing() -> bool:
    return _captured_rows() is not None


def _captured_rows() -> list[Row] | None:
    """The list of the block around the caller, if that has not ended: who looked there then is gone."""
    capture = _capture.get()
    return capture[1] if capture and capture[0].open else None


class AMQP(amqp.AMQP):
    """Celery's, which captures inside ``captured()`` and publishes outside of it."""

    @cached_property
    def send_task_message(self) -> Callable[..., Any]:
        publish = super().send_task_message

        def send(producer: Any, name: str, message: Any, **options: Any) -> Any:
            rows = _captured_rows()
            if rows is None:
                return publish(producer, name, message, **options)
            sent = _sent.get()
            if sent is not None:
                # A copy: signals add to the headers.
                sent.append((message._replace(headers=dict(message.headers)), options))
            # No task-sent event: it would be published, and it would be too early.
            return publish(Recorder(name, rows), name, message._replace(sent_event=None), **options)

        return send


class Recorder:
    """Takes the place of kombu's Producer for one message."""

    def __init__(self, task: str, rows: list[Row]) -> None:
        self._task = task
        self._rows = rows

    def publish(
        self,
        body: Any,
        *,
        routing_key: str,
        headers: dict[str, Any],
        serializer: str,
        correlation_id: str,
        reply_to: str,
        priority: int | None = None,
        **_: Any,
    ) -> None:
        """What is left out is not the message's (retries, declarations) or is counted anew by the relay."""
        content_type, content_encoding, text = dumps(body, serializer)
        properties = {
            "content_type": content_type,
            "content_encoding": content_encoding,
            "delivery_mode": 2,
            "correlation_id": correlation_id,
            "reply_to": reply_to,
            "priority": priority,
        }
        row = Row(
            task_id=headers["id"],
            task=self._task,
            # A delay stands before the queue's key, and a key is one word.
            queue=routing_key.rpartition(".")[2],
            headers=_finite(self._task, headers),
            properties=json.dumps({key: value for key, value in properties.items() if value is not None}),
            body=text,
            due=_due(self._task, headers["eta"]),
        )
        _refuse_what_the_broker_would(row)
        self._rows.append(row)


def _finite(task: str, headers: dict[str, Any]) -> str:
    """The headers as JSON. RabbitMQ answers a NaN among them with error 541, whatever else is on the way."""
    try:
        return _headers_as_json(headers)
    except ValueError as error:
        raise HeadersNotFinite(task) from error


def _due(task: str, eta: str | None) -> float | None:
    """The eta on a clock that nobody sets. Raises TooFarAhead."""
    if not eta:
        return None
    when = datetime.fromisoformat(eta)
    delay = when - datetime.now(UTC)
    if delay > LONGEST_DELAY:
        raise TooFarAhead(task, when, LONGEST_DELAY)
    return time.monotonic() + delay.total_seconds()


def _refuse_what_the_broker_would(row: Row) -> None:
    """Raise MessageTooLarge or HeadersTooLarge: at the call somebody can still do something."""
    size = len(row.body.encode())
    if size > BODY_LIMIT_BYTES:
        raise MessageTooLarge(row.task, size, BODY_LIMIT_BYTES)
    size = len(row.headers.encode())
    if size > HEADERS_LIMIT_BYTES:
        raise HeadersTooLarge(row.task, size, HEADERS_LIMIT_BYTES)
