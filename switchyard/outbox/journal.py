"""Logs each task on its way: accepted, sent, finished.

``task_accepted`` where its transaction has committed (``delay_on_commit``), ``task_sent`` where the broker
has confirmed it, ``task_finished`` where it ran.

| event         | fields                                                                            |
|---------------|-----------------------------------------------------------------------------------|
| task_accepted | task, task_id, queue                                                              |
| task_sent     | task, task_id, queue                                                              |
| task_finished | task, task_id, queue, outcome, attempt (from 0), wait_ms, run_ms                  |

``outcome`` is succeeded, retried, failed, rejected, ignored (``Ignore``), replaced (``self.replace()``), lost
(the child died), timed_out or returned (the broker was away when the task had something to send). ``wait_ms``
counts from when the task was due: when it was called, in the outbox too, or its eta.
"""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from celery.signals import after_task_publish, before_task_publish

from switchyard.outbox.capture import captured_rows
from switchyard.outbox.context import request_id
from switchyard.outbox.header_rules import SENT_AT
from switchyard.outbox.moments import moment_in
from switchyard.routing import queue_of_key

log = structlog.get_logger("switchyard.tasks")


def connect() -> None:
    """Listen to Celery's signals, in any process that sends or runs tasks."""
    before_task_publish.connect(_stamp)
    after_task_publish.connect(_sent)


def accepted(task_id: str, task: str, queue: str) -> None:
    """Write ``task_accepted``: the message is in the outbox, committed."""
    log.info("task_accepted", task=task, task_id=task_id, queue=queue)


def sent(headers: Mapping[str, Any], queue: str) -> None:
    """Write ``task_sent``: the broker has confirmed the message with these headers."""
    log.info("task_sent", **request_id(headers), task=headers["task"], task_id=headers["id"], queue=queue)


def finished(
    headers: Mapping[str, Any], queue: str, *, outcome: str, wait_seconds: float, run_seconds: float
) -> None:
    """Write ``task_finished`` for the message with these headers (Celery's task protocol 2)."""
    log.info(
        "task_finished",
        **request_id(headers),
        task=headers["task"],
        task_id=headers["id"],
        queue=queue,
        outcome=outcome,
        attempt=headers.get("retries", 0),
        wait_ms=round(wait_seconds * 1000, 1),
        run_ms=round(run_seconds * 1000, 1),
    )


def due_at(headers: Mapping[str, Any]) -> float:
    """Unix time in seconds from which a message waits: its eta, or when it was sent."""
    if headers.get("eta"):
        return moment_in(headers["eta"]).timestamp()
    return float(headers.get(SENT_AT) or time.time())


def _stamp(headers: dict[str, Any], **_: Any) -> None:
    headers[SENT_AT] = time.time()


def _sent(headers: Mapping[str, Any], routing_key: str, **_: Any) -> None:
    if captured_rows() is None:
        sent(headers, queue_of_key(routing_key))
