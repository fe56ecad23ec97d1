"""Answers who asks for a result that nobody keeps: at once, and by saying so.

A task keeps its result where it is declared with ``ignore_result=False``. Of any other one Celery's
``.get()`` returns None as if the task had returned that, or waits for ever. Its error is kept in any case.
"""

from typing import Any, Self

from celery import states
from celery.result import AsyncResult


class ResultDiscarded(RuntimeError):
    """Raised for the result of a task that keeps none, and has not failed until now."""

    def __init__(self, task: str, task_id: str) -> None:
        super().__init__(
            f"The task {task} ({task_id}) keeps no result, so there is nothing to wait for, and nothing that "
            "says whether it has run. Declare it with ignore_result=False, or call it with "
            "apply_async(..., ignore_result=False), and the result is kept."
        )


class Result(AsyncResult):  # type: ignore[type-arg]
    """Celery's, of which ``ignored`` says that the result is not kept."""

    #: The name of the task. Celery knows one only when the task has ended.
    task = ""

    @classmethod
    def of(cls, task: Any, task_id: str, **options: Any) -> Self:
        """Of a call of the task, by its id."""
        result = cls(task_id, backend=task.backend, app=task.app, **options)
        result.task, result.ignored = str(task.name), bool(task.ignore_result)
        return result

    def get(self, *args: Any, **options: Any) -> Any:
        self._require_kept()
        return super().get(*args, **options)

    def ready(self) -> bool:
        self._require_kept()
        return super().ready()

    @property
    def result(self) -> Any:
        self._require_kept()
        return super().result

    def _require_kept(self) -> None:
        """Raises ResultDiscarded, unless an error was kept."""
        if self.ignored and self.state not in states.READY_STATES:
            raise ResultDiscarded(self.task, str(self.id))
        self.ignored = False
