"""Sends along what the log says of the request or task that a task was called from.

In django-structlog's header, so that a service that uses it understands our messages and we understand its.
"""

import math
from collections.abc import Mapping
from typing import Any

from celery.signals import before_task_publish
from structlog.contextvars import get_contextvars

from switchyard.text import shortened

#: django-structlog's header.
HEADER = "__django_structlog__"

#: Characters of one value: a message holds 64 KiB of headers, and a context must not be what is too much.
LONGEST_VALUE = 1000
MOST_VALUES = 30


def connect() -> None:
    """Send the context of the caller along with each task, from any process."""
    before_task_publish.connect(_send)


def request_id(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The request_id that came with a message, if any did."""
    context: dict[str, Any] = headers.get(HEADER) or {}
    return {key: context[key] for key in ("request_id",) if key in context}


def plain_values(context: Mapping[Any, Any]) -> dict[str, Any]:
    """Of a context what a header can hold: what is neither text nor a number nor a flag as its text."""
    plain = {name: _plain(value) for name, value in list(context.items())[:MOST_VALUES] if _is_name(name)}
    return {name: value for name, value in plain.items() if value is not None}


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.isprintable() and len(name.encode()) < 256


def _plain(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case int() | float():
            return value if math.isfinite(value) and abs(value) < 2**63 else str(value)
        case str():
            return shortened(value, LONGEST_VALUE)
    try:
        return shortened(str(value), LONGEST_VALUE)
    except Exception:  # noqa: BLE001 - whatever somebody has bound, it does not stop a task's call
        return None


def _send(headers: dict[str, Any], **_: Any) -> None:
    context = get_contextvars()
    if "task_id" in context:
        context["parent_task_id"] = context.pop("task_id")
    headers[HEADER] = plain_values(context)
