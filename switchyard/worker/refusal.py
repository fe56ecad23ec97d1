"""Dead-letters what is no task of this service, so that no message ends the worker.

| event            | fields                                                                         |
|------------------|--------------------------------------------------------------------------------|
| message_refused  | reason, queue, task and task_id (if they are names), content_type, size, error |
| headers_left_out | names; task and task_id of the first message that had them                     |

Nothing of the payload is logged. Stock Celery logs it whole, acknowledges a body that it cannot decode (the
message is gone), and ends when a header has an unexpected type.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from celery.app.task import Context
from celery.exceptions import NotRegistered
from celery.signals import task_unknown
from celery.utils.log import get_logger
from django.db import Error

from switchyard.outbox.compression import bound_decompression
from switchyard.outbox.header_rules import is_name
from switchyard.outbox.headers import are_usual, leave_out_reserved, mend_informing
from switchyard.routing import queue_of_key
from switchyard.worker import inspection  # noqa: F401 - answers in the place of Celery's own
from switchyard.worker.losses import DeliveryLimitExceeded, lost_too_often
from switchyard.worker.message import fault_of, fault_of_content
from switchyard.worker.reconnection import ReconnectingConsumer
from switchyard.worker.requeue import give_back_later

log = structlog.get_logger("switchyard.tasks")
logger = get_logger(__name__)


class RefusingConsumer(ReconnectingConsumer):
    """One look at each message before Celery's own code reads it."""

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        bound_decompression()
        self.left_out: set[str] = set()

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*args, **options)

        def on_task_received(message: Any) -> None:
            usual = are_usual(message.headers)
            fault = fault_of_content(message) if usual else fault_of(message)
            if fault:
                self.refuse(message, fault)
                return
            if not usual:
                mend_informing(message.headers)
                self.leave_out(message.headers)
            if self.goes_on_with(message) or not self.may_run(message):
                return
            try:
                handle(message)
            except (*self.connection_errors, *self.channel_errors):
                raise
            except Exception as error:
                # What fault_of does not know of. Celery acknowledges or rejects as the last thing it does.
                if message.acknowledged:
                    raise
                self.refuse(message, "the worker could not take it", error)

        return on_task_received

    def may_run(self, message: Any) -> bool:
        """Whether its runs have not been lost too often. If not, or not yet, it has been dealt with."""
        try:
            over = lost_too_often(message)
        except Error as error:
            log.warning("losses_unknown", error=type(error).__name__, **_identity(message.headers))
            over = None
        if over is None:
            give_back_later(message)
        elif over:
            self.give_up(message)
        return over is False

    def give_up(self, message: Any) -> None:
        """Dead-letter it, and fail its task for whoever waits for it."""
        args, kwargs, options = message.decode()
        request = Context({**message.headers, "args": args, "kwargs": kwargs, **(options or {})})
        error = DeliveryLimitExceeded(message)
        backend: Any = self.app.backend
        try:
            backend.note_loss(request.id, error, request, last=True)
        except Exception as failure:  # noqa: BLE001 - as in on_unknown_task
            log.warning("failure_not_stored", task_id=request.id, error=type(failure).__name__)
        message.reject_log_error(logger, self.connection_errors)
        log.error("delivery_limit_reached", error=type(error).__name__, **_identity(message.headers))

    def leave_out(self, headers: Any) -> None:
        """Headers of others pass, but what Celery would take for its own. Each name is said once."""
        names = set(leave_out_reserved(headers)) - self.left_out
        if names:
            self.left_out |= names
            log.warning("headers_left_out", names=sorted(names), **_identity(headers))

    def refuse(self, message: Any, reason: str, error: BaseException | None = None) -> None:
        """Send the message to the dead-letter queue of the queue it came from, and say so."""
        message.reject_log_error(logger, self.connection_errors)
        log.error(
            "message_refused",
            reason=reason,
            queue=queue_of_key(message.delivery_info.get("routing_key")),
            **_identity(message.headers),
            content_type=message.content_type,
            size=len(message.body or b""),
            error=type(error).__name__ if error else None,
        )

    def on_decode_error(self, message: Any, exc: BaseException) -> None:
        self.refuse(message, fault_of(message) or "body cannot be decoded", exc)

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self.refuse(message, "not a task message")

    def on_invalid_task(self, body: Any, message: Any, exc: BaseException) -> None:
        self.refuse(message, "not a valid task message", exc)

    def on_unknown_task(self, body: Any, message: Any, exc: BaseException) -> None:
        """Also stores the failure, as Celery does, but a database that is away does not end the worker."""
        task, task_id = message.headers["task"], message.headers["id"]
        self.refuse(message, "this release knows no such task", exc)
        try:
            self.app.backend.mark_as_failure(task_id, NotRegistered(task))
        except Exception as error:  # noqa: BLE001 - the message is safe; only the note beside it is not
            log.warning("failure_not_stored", task_id=task_id, error=type(error).__name__)
        task_unknown.send(sender=self, message=message, exc=exc, name=task, id=task_id)


def _identity(headers: Mapping[Any, Any]) -> dict[str, str]:
    """The task's name and id, as far as they are fit to be written down."""
    fields = {"task": headers.get("task"), "task_id": headers.get("id")}
    return {field: str(value) for field, value in fields.items() if is_name(value)}
