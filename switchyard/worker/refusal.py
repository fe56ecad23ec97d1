"""Dead-letters what is no task of this service, so that no message ends the worker.

| event            | fields                                                                         |
|------------------|--------------------------------------------------------------------------------|
| message_refused  | reason, queue, task and task_id (if they are names), content_type, size, error |
| headers_left_out | names; task and task_id of the first message that had them                     |

Nothing of the payload is logged. Stock Celery logs it whole, acknowledges a body that it cannot decode (the
message is gone), and ends when a header has an unexpected type.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import structlog
from celery.exceptions import NotRegistered
from celery.signals import task_unknown
from celery.utils.log import get_logger

from switchyard.broker.transport import held_back
from switchyard.outbox.headers import is_name, leave_out_reserved, mend_informing
from switchyard.worker import inspection  # noqa: F401 - answers in the place of Celery's own
from switchyard.worker.mailbox import Mailbox
from switchyard.worker.message import fault_of, never_decompress
from switchyard.worker.reconnect import PatientConsumer
from switchyard.worker.threads import TaskPool

log = structlog.get_logger("switchyard.tasks")
logger = get_logger(__name__)

#: A message's own, as Celery calls them.
ACKNOWLEDGEMENTS = {"ack_log_error", "reject_log_error"}


class RefusingConsumer(PatientConsumer):
    """Celery's consumer, with one look at each message before Celery's own code reads it."""

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]
    hub: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        never_decompress()
        self.left_out: set[str] = set()
        #: None with a pool of greenlets, which has no event loop.
        self.mailbox = Mailbox(self.hub, self._held_back) if self.hub else None
        if isinstance(self.pool, TaskPool):
            self.pool.mailbox = self.mailbox

    def call_soon_ack(self, p: Callable[..., object], *args: Any, **options: Any) -> Any:
        """Celery's hook for an acknowledgement or rejection, which only the loop may write."""
        if self.mailbox is None:
            return super().call_soon_ack(p, *args, **options)  # type: ignore[misc]
        return self.mailbox.post(partial(p, *args, **options))

    def call_soon(self, p: Callable[..., object], *args: Any, **options: Any) -> Any:
        """Celery before 5.7 has no such hook: there they come this way, among other things."""
        if self.mailbox is None or getattr(p, "__name__", "") not in ACKNOWLEDGEMENTS:
            return super().call_soon(p, *args, **options)
        return self.mailbox.post(partial(p, *args, **options))

    def _held_back(self) -> AbstractContextManager[None]:
        return held_back(self.connection)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*args, **options)

        def on_task_received(message: Any) -> None:
            fault = fault_of(message)
            if fault:
                self.refuse(message, fault)
                return
            mend_informing(message.headers)
            self.leave_out(message.headers)
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
            queue=str(message.delivery_info.get("routing_key")).rpartition(".")[2],
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
