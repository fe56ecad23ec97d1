"""The backend: ``enqueue`` writes the call and its outbox message with the caller's transaction."""

from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.db import router, transaction

from switchyard.backend.api import (
    BaseTaskBackend,
    InvalidTask,
    TaskResultDoesNotExist,
    signals,
    tasks,
)
from switchyard.backend.models import Enqueued
from switchyard.backend.records import record_of, result_of
from switchyard.backend.registered import celerys
from switchyard.routing import HOW_TO_NAME_A_QUEUE, mapped_queue

#: RabbitMQ 4 lets messages of a priority above 4 go before the others of a quorum queue; before 4 none does.
URGENT, USUAL = 9, 0


class OutboxBackend(BaseTaskBackend):  # type: ignore[misc]
    """Every function is a Celery task by its dotted path, and all that holds for these holds for it.

    Its queue is ``queue_name``: a declared one, or one that QUEUE_MAP knows. Django's own ``"default"``,
    where QUEUE_MAP does not know it, leaves that to ROUTES, as for a task that names none. ``priority`` above
    0 is urgent; a result is kept for ``switchyard.backend.models.KEPT``.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        #: Empty: ``validate_task`` knows the declared ones.
        self.queues = set(params.get("QUEUES", ()))

    def validate_task(self, task: Any) -> None:
        """Raise InvalidTask. The function of a valid one can be run by any worker from here on."""
        super().validate_task(task)
        if task.queue_name != tasks.DEFAULT_TASK_QUEUE_NAME and mapped_queue(task.queue_name) is None:
            raise InvalidTask(f"No queue {task.queue_name!r} is declared. {HOW_TO_NAME_A_QUEUE}")
        celerys(task)

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Raises InvalidTask, TypeError for arguments that are no JSON, and switchyard.TaskCallError."""
        self.validate_task(task)
        record = record_of(task, uuid4(), args, kwargs)
        result = result_of(record, task)
        record.arguments = [result.args, result.kwargs]
        options = {"priority": URGENT if task.priority > 0 else USUAL} if task.priority else {}
        options |= {"eta": task.run_after} if task.run_after else {}
        options |= {"queue": task.queue_name} if mapped_queue(task.queue_name) else {}
        with transaction.atomic(using=router.db_for_write(Enqueued)):
            record.save(force_insert=True)
            celerys(task).apply_async_on_commit(
                tuple(result.args), result.kwargs, task_id=str(record.id), **options
            )
        signals.task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """Raises TaskResultDoesNotExist for one that is not known, or not any more."""
        try:
            record = Enqueued.objects.get(pk=UUID(str(result_id)), backend=self.alias)
        except (Enqueued.DoesNotExist, ValidationError, ValueError) as error:
            raise TaskResultDoesNotExist(result_id) from error
        return result_of(record)
