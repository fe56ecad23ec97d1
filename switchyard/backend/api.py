"""Django's task API: its own from 6.0 on, before that the package django-tasks, which has the same names.

A settings file names the backend, so that one of the two is there when this is imported.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured

_HOMES = ("django.tasks", "django_tasks")


def _home() -> str:
    for name in _HOMES:
        if find_spec(name):
            return name
    raise ImproperlyConfigured(
        "TASKS names a backend of Django's task API, which is part of Django from 6.0 on. Install the "
        "package django-tasks, which has it before, or take TASKS out of the settings."
    )


_HOME = _home()


def _of(module: str, *names: str) -> Any:
    """What has one of these names there: of an exception each of the two has its own."""
    found = import_module(f"{_HOME}{module}")
    return next(getattr(found, name) for name in names if hasattr(found, name))


tasks: Any = import_module(_HOME)
signals: Any = import_module(f"{_HOME}.signals")
Status: Any = tasks.TaskResultStatus
BaseTaskBackend: Any = _of(".backends.base", "BaseTaskBackend")
normalized: Any = _of(".base", "normalize_json")
TaskError: Any = _of(".base", "TaskError")
InvalidTask: Any = _of(".exceptions", "InvalidTask", "InvalidTaskError")
TaskResultDoesNotExist: Any = _of(".exceptions", "TaskResultDoesNotExist")
