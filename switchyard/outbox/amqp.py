"""Looks at what Celery's own sender would publish, and captures it by a producer that keeps it.

Every message of Celery passes ``app.amqp.send_task_message``, whatever the canvas that it belongs to; a
producer that is handed to ``apply_async`` is dropped by chains. So the switch is here, and it is a context
variable: it holds for the thread or coroutine that captures, and for nobody else.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from functools import cached_property
from typing import Any

from celery.app import amqp

from switchyard.outbox.calls import Block, publishing_in_transaction
from switchyard.outbox.checked import Checked
from switchyard.outbox.destination import refuse_unrouted
from switchyard.outbox.errors import ReturnRefused, TaskCallError
from switchyard.outbox.metrics import enqueued
from switchyard.outbox.recorder import Recorder
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
