"""Sends along what the log says of the request or task that a task was called from.

In django-structlog's header, so that a service that uses it understands our messages and we understand its.
"""

from collections.abc import Mapping
from typing import Any

from celery.signals import before_task_publish
from structlog.contextvars import get_contextvars

#: django-structlog's header.
HEADER = "__django_structlog__"


def connect() -> None:
    """Send the context of the caller along with each task, from any process."""
    before_task_publish.connect(_send)


def request_id(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The request_id that came with a message, if any did."""
    context: dict[str, Any] = headers.get(HEADER) or {}
    return {key: context[key] for key in ("request_id",) if key in context}


def _send(headers: dict[str, Any], **_: Any) -> None:
    context = get_contextvars()
    if "task_id" in context:
        context["parent_task_id"] = context.pop("task_id")
    headers[HEADER] = context
