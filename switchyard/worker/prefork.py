"""Runs the tasks of a cpu worker in child processes, each task as if it were the first of its child."""

from collections.abc import Callable
from functools import cache
from typing import Any

from celery.concurrency import prefork

from switchyard.worker.isolation import in_own_context
from switchyard.worker.process_state import ProcessState


class TaskPool(prefork.TaskPool):
    """``--pool=prefork`` of this project; ``switchyard.attach`` gives it that name."""

    def on_start(self) -> None:
        super().on_start()
        # Celery's own is a method of billiard's pool, put here at the start.
        apply = self.on_apply

        def apply_alone(target: Any, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
            return apply(run_alone, (target, *args), kwargs or {}, **options)

        self.on_apply = apply_alone  # type: ignore[method-assign]


def run_alone(target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call ``target`` in a child, and leave neither its context nor what it did to the process behind."""
    return in_own_context(_restored, target, args, kwargs)


def _restored(target: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    state = _state()
    try:
        return target(*args, **kwargs)
    finally:
        state.restore()


@cache
def _state() -> ProcessState:
    """Of this child, before its first task. The main process never asks."""
    return ProcessState()
