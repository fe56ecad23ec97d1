"""Hides what is secret in what a message holds (``switchyard.redaction``).

Each argument of a task has the name that the task gives it, so that its name can tell that it is secret.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

from switchyard import redaction
from switchyard.celery import tasks


def redacted(value: Any) -> Any:
    """The same with what is secret replaced by asterisks, however deep it lies."""
    return redaction.redacted(_named(value))


def named(task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Every argument by the name that the task has for it; by its number if the task is not known."""
    try:
        bound = signature(tasks()[task].run).bind_partial(*args, **kwargs)
    except (KeyError, TypeError, ValueError):
        return {f"argument {number}": value for number, value in enumerate(args, 1)} | dict(kwargs)
    return dict(bound.arguments)


def _named(value: Any) -> Any:
    """With the arguments of each task inside (the next one of a chain, a callback) by name, like its own."""
    if isinstance(value, Mapping):
        return {key: _named(item) for key, item in {**value, **_arguments(value)}.items()}
    if isinstance(value, list | tuple):
        return [_named(item) for item in value]
    return value


def _arguments(value: Mapping[str, Any]) -> dict[str, Any]:
    args, kwargs = value.get("args"), value.get("kwargs")
    if "task" in value and isinstance(args, list) and isinstance(kwargs, dict):
        return {"args": named(value["task"], args, kwargs), "kwargs": {}}
    return {}
