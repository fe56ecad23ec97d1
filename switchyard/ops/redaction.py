"""Hides what is secret, by its name, in what a message holds.

The names of arguments decide, by Django's own list of what is secret (``API``, ``AUTH``, ``TOKEN``, ``KEY``,
``SECRET``, ``PASS``, ``SIGNATURE`` anywhere in a name). A secret under another name is not known as one.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

from django.views.debug import SafeExceptionReporterFilter

from switchyard.celery import tasks

_FILTER = SafeExceptionReporterFilter()


def redacted(value: Any) -> Any:
    """The same with what is secret replaced by asterisks, however deep it lies."""
    if isinstance(value, Mapping):
        whole = {**value, **_arguments(value)}
        return {key: redacted(_FILTER.cleanse_setting(str(key), item)) for key, item in whole.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value


def named(task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Every argument by the name that the task has for it; by its number if the task is not known."""
    try:
        bound = signature(tasks()[task].run).bind_partial(*args, **kwargs)
    except (KeyError, TypeError, ValueError):
        return {f"argument {number}": value for number, value in enumerate(args, 1)} | dict(kwargs)
    return dict(bound.arguments)


def _arguments(value: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a task inside a message (the next one of a chain, a callback), by name like its own."""
    args, kwargs = value.get("args"), value.get("kwargs")
    if "task" in value and isinstance(args, list) and isinstance(kwargs, dict):
        return {"args": named(value["task"], args, kwargs), "kwargs": {}}
    return {}
