"""Counts the runs of a message that lost their process or passed their hard limit.

RabbitMQ's own count cannot serve: it counts a lost connection too, and a node's restart, so that three of
them end work that is in the best of health. Here a run counts when its worker saw it lost (a child process
that died, a hard limit), or when its worker died with it: the run of a message that had been delivered before
leaves a row, which goes when the run ends or when its worker lives on after a lost connection.
"""

from collections.abc import Iterable
from datetime import timedelta
from threading import get_ident
from typing import Any
from uuid import uuid4

from celery.exceptions import WorkerLostError
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from switchyard.broker.deliveries import COUNTED, failed
from switchyard.routing import QUEUES, queue_of_key
from switchyard.tasks.failure import class_of, text_of
from switchyard.worker.models import RunAtRisk

#: A run that began this long ago and has a row is one whose worker died: one that lives has noticed by then
#: that its connection is lost.
NOTICED_WITHIN = timedelta(seconds=30)
#: How long rows are kept. A dead letter that is older is listed by the broker's reason (rejected).
KEPT = timedelta(days=90)
#: The worker whose child or thread this is: its children are forked from the process that imported this.
PROCESS = uuid4().hex

#: The runs of this process that have a row, each by its task's id and its thread. Most have none, and a
#: task's request takes a dozen calls to look up.
_at_risk: set[tuple[str, int]] = set()


class DeliveryLimitExceeded(WorkerLostError):
    """A message took its process along too often to be tried again."""

    def __init__(self, message: Any, last: BaseException | None = None) -> None:
        cause = f"{class_of(last)}: {text_of(last)}" if last else "its worker died"
        super().__init__(
            f"Its process was lost, or its hard limit passed, more than {limit_of(message)} times "
            f"(delivery_limit of its queue). The last time: {cause}"
        )


def begin(task_id: str, request: Any) -> None:
    """A run begins in this process and thread. Without a database it is not counted."""
    if _delivered_before(request):
        _at_risk.add((task_id, get_ident()))
        RunAtRisk.objects.create(task_id=task_id, retries=request.retries, process=PROCESS)
        _release()


def end(task_id: str, task: Any) -> None:
    """It has ended, in whatever way."""
    if (task_id, get_ident()) in _at_risk:
        _at_risk.discard((task_id, get_ident()))
        _runs(task_id, task.request.retries).filter(process=PROCESS, lost=False).delete()
        _release()


def limit_of(message: Any) -> int:
    """How often a run of it may be lost: that of the queue it came from."""
    spec = QUEUES.get(queue_of_key(message.delivery_info.get("routing_key")))
    return spec.delivery_limit if spec else min(each.delivery_limit for each in QUEUES.values())


def count_loss(message: Any) -> bool:
    """Count one run as lost. True if it was one too many. Raises django.db.Error."""
    runs = _runs_of(message)
    RunAtRisk.objects.filter(began_at__lt=Now() - KEPT).delete()
    runs.filter(process=PROCESS, lost=False).delete()
    task_id, retries = _attempt(message)
    RunAtRisk.objects.create(task_id=task_id, retries=retries, process=PROCESS, lost=True)
    return _given_up(runs, limit_of(message))


def lost_too_often(message: Any) -> bool | None:
    """Whether too many runs of it were lost; None while some of these may still go on elsewhere.

    Raises django.db.Error, which is asked only for what the broker has counted as often itself.
    """
    # At its first delivery, as nearly all of them, it has no count.
    if COUNTED not in message.headers:
        return False
    limit = limit_of(message)
    if failed(message.headers) <= limit:
        return False
    runs = _runs_of(message)
    if runs.count() <= limit:
        return False
    return _given_up(runs, limit) or None


def live_on() -> None:
    """The connection is lost, but not this worker: none of its runs is lost. Raises django.db.Error."""
    RunAtRisk.objects.filter(process=PROCESS, lost=False).delete()


def forget(task_ids: Iterable[str]) -> None:
    """Begin to count anew: for messages that are sent again."""
    RunAtRisk.objects.filter(task_id__in=task_ids).delete()


def ids_given_up() -> set[str]:
    """Task ids of the messages that were dead-lettered for it. Raises django.db.Error."""
    return set(RunAtRisk.objects.filter(given_up=True).values_list("task_id", flat=True))


def _attempt(message: Any) -> tuple[str, int]:
    return message.headers["id"], message.headers.get("retries") or 0


def _runs_of(message: Any) -> QuerySet[RunAtRisk]:
    return _runs(*_attempt(message))


def _runs(task_id: str, retries: int) -> QuerySet[RunAtRisk]:
    return RunAtRisk.objects.filter(task_id=task_id, retries=retries)


def _given_up(runs: QuerySet[RunAtRisk], limit: int) -> bool:
    given_up = runs.filter(Q(lost=True) | Q(began_at__lt=Now() - NOTICED_WITHIN)).count() > limit
    if given_up:
        runs.update(given_up=True)
    return given_up


def _delivered_before(request: Any) -> bool:
    return bool((request.delivery_info or {}).get("redelivered"))


def _release() -> None:
    """A task that never asks the database anything must not keep a connection."""
    if not connection.in_atomic_block:
        connection.close()
