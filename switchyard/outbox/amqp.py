"""Looks at what Celery's own sender would publish, and publishes it, keeps it or hands it to who captures.

Every message of Celery passes ``app.amqp.send_task_message``: of ``.delay()`` and ``send_task``, of whatever
task base and canvas. So the switch is here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from typing import Any

from celery.app import amqp

from switchyard.outbox.at_once import goes_at_once, is_kept
from switchyard.outbox.capture import captured, captured_rows, recorded_messages
from switchyard.outbox.checked import Checked
from switchyard.outbox.destination import refuse_unrouted
from switchyard.outbox.errors import ReturnRefused, TaskCallError
from switchyard.outbox.recorder import Recorder
from switchyard.outbox.sending import hand_over


class AMQP(amqp.AMQP):
    """Celery's, whose messages go to the outbox, or at once to the broker (``switchyard.outbox.at_once``).

    What no worker would take is refused in either case: raises switchyard.outbox.errors.TaskCallError.
    """

    @cached_property
    def send_task_message(self) -> Callable[..., Any]:
        publish = super().send_task_message

        def send(producer: Any, name: str, message: Any, **options: Any) -> Any:
            refuse_unrouted(self.app, name, message, options.get("headers") or {})
            rows = captured_rows()
            if rows is not None:
                return record(rows, name, message, options)
            if goes_at_once(self.app):
                return publish(Checked(name, producer), name, message, **options)
            with captured() as rows:
                sent = record(rows, name, message, options)
            hand_over(rows)
            return sent

        def record(rows: list[Any], name: str, message: Any, options: dict[str, Any]) -> Any:
            recorded = recorded_messages()
            if recorded is not None:
                recorded.append((_copied(message), options))
            # No task-sent event: it would be published, and it would be too early.
            return publish(Recorder(name, rows), name, message._replace(sent_event=None), **options)

        # For a message of which all that is known (``switchyard.outbox.template``).
        send.celerys = publish  # type: ignore[attr-defined]
        return send

    @contextmanager
    def together(self) -> Iterator[None]:
        """Keep what is sent inside the block as one, where it is kept."""
        if not is_kept(self.app):
            yield
            return
        with captured() as rows:
            yield
        hand_over(rows)

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
