"""Looks at what Celery's own sender would publish, and captures it by a producer that keeps it.

Every message of Celery passes ``app.amqp.send_task_message``, whatever the canvas that it belongs to; a
producer that is handed to ``apply_async`` is dropped by chains. So the switch is here, and it is a context
variable: it holds for the thread or coroutine that captures, and for nobody else.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from celery.app import amqp
from kombu.serialization import dumps

from switchyard.outbox.calls import Block, publishing_in_transaction
from switchyard.outbox.checked import (
    BODY_LIMIT_BYTES,
    Checked,
    headers_as_json,
    refuse_headers,
    refuse_large_body,
    refuse_large_headers,
)
from switchyard.outbox.destination import refuse_unrouted
from switchyard.outbox.errors import ReturnRefused, TaskCallError, TooFarAhead
from switchyard.outbox.metrics import enqueued
from switchyard.outbox.moments import LONGEST_DELAY
from switchyard.outbox.rows import Row

_capture: ContextVar[tuple[Block, list[Row]] | None] = ContextVar("capture", default=None)
_sent: ContextVar[list[tuple[Any, dict[str, Any]]] | None] = ContextVar("recorded_messages", default=None)


@contextmanager
def captured() -> Iterator[list[Row]]:
    """Keep in the list what is sent inside the block; the broker is not contacted."""
    rows: list[Row] = []
    began = time.perf_counter()
    with publishing_in_transaction() as block:
        token = _capture.set((block, rows))
        try:
            yield rows
        finally:
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
    """Celery's, which captures inside ``captured()`` and publishes outside of it.

    What no worker would take is refused in either case: raises switchyard.outbox.errors.TaskCallError.
    """

    @cached_property
    def send_task_message(self) -> Callable[..., Any]:
        publish = super().send_task_message

        def send(producer: Any, name: str, message: Any, **options: Any) -> Any:
            refuse_unrouted(self.app, name, message)
            rows = _captured_rows()
            if rows is None:
                return publish(Checked(name, producer), name, message, **options)
            sent = _sent.get()
            if sent is not None:
                sent.append((_copied(message), options))
            # No task-sent event: it would be published, and it would be too early.
            return publish(Recorder(name, rows), name, message._replace(sent_event=None), **options)

        return send

    def _retry_publish(self, publish: Any, *args: Any, **options: Any) -> Any:
        """Celery's hook for what comes after a task: it is called with what the task returned.

        Raises ReturnRefused in the place of TaskCallError. (Celery 5.7; before, the latter is what fails.)
        """
        try:
            return super()._retry_publish(publish, *args, **options)  # type: ignore[misc]
        except TaskCallError as refused:
            task = self.app.current_worker_task
            [value] = args[0] if args else [None]
            raise ReturnRefused(task.name if task else "A task", value, refused) from refused


def _copied(message: Any) -> Any:
    """A message that keeps nothing of what signals write into it. Its arguments are its call's own."""
    args, kwargs, embedded = message.body
    return message._replace(
        headers=deepcopy(message.headers),
        properties=deepcopy(message.properties),
        body=(args, kwargs, deepcopy(embedded)),
    )


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
        refuse_headers(self._task, headers)
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
            headers=headers_as_json(headers),
            properties=json.dumps({key: value for key, value in properties.items() if value is not None}),
            body=text,
            due=_due(self._task, headers["eta"]),
        )
        refuse_large_body(self._task, row.body, BODY_LIMIT_BYTES)
        refuse_large_headers(self._task, row.headers)
        self._rows.append(row)


def _due(task: str, eta: str | None) -> float | None:
    """The eta on a clock that nobody sets. Raises TooFarAhead."""
    if not eta:
        return None
    when = datetime.fromisoformat(eta)
    delay = when - datetime.now(UTC)
    if delay > LONGEST_DELAY:
        raise TooFarAhead(task, delay.total_seconds(), LONGEST_DELAY)
    return time.monotonic() + delay.total_seconds()
