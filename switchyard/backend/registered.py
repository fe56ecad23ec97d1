"""Makes a Celery task of each function that is one of Django's: every worker knows it by its dotted path."""

from typing import Any

from celery import shared_task

from switchyard.backend.running import run
from switchyard.routing import ROUTES, mapped_queue

#: Path of the function to its Celery task. Of the process: Django makes a backend for each thread.
_registered: dict[str, Any] = {}


def celerys(task: Any) -> Any:
    """Its Celery task, made when the function is decorated. A route that names it wins over its queue."""
    path = task.module_path
    if path not in _registered:
        named = mapped_queue(task.queue_name)
        if named:
            ROUTES.setdefault(path, named.name)
        _registered[path] = shared_task(name=path, bind=True, typing=False)(_code_of(task))
    return _registered[path]


def _code_of(task: Any) -> Any:
    def code(celerys: Any, *args: Any, **kwargs: Any) -> Any:
        return run(task, celerys.request, args, kwargs)

    code.__doc__ = task.func.__doc__
    return code
