"""Follows a task in the worker's main process, which sees acceptance and outcome in every pool."""

import time
from datetime import datetime
from typing import Any

import structlog
from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]
from celery import states
from celery.exceptions import Ignore, Reject, Retry, TimeLimitExceeded, WorkerLostError
from celery.worker import state
from celery.worker.request import Request
from django.db import Error as DatabaseError
from django.db import connections

from switchyard.outage import BrokerAway
from switchyard.outbox import journal
from switchyard.outbox.header_rules import SENT_AT
from switchyard.routing import queue_of_key
from switchyard.tasks.failure import class_of
from switchyard.worker import metrics
from switchyard.worker.failures import class_in
from switchyard.worker.losses import DeliveryLimitExceeded, count_loss
from switchyard.worker.requeue import StillRefused, give_back, is_refused_for_good
from switchyard.worker.threads import TaskPool

#: What ``self.replace()`` raises an Ignore with, when the other task has been sent.
REPLACED = ("Replaced by new task",)

#: How an execution has ended by what ended it, the first that fits; else it failed.
WORDS: tuple[tuple[Any, str], ...] = (
    (BrokerAway, "returned"),
    (Retry, "retried"),
    (Reject, "rejected"),
    ((WorkerLostError, SystemExit, KeyboardInterrupt), "lost"),
    (TimeLimitExceeded, "timed_out"),
)

log = structlog.get_logger("switchyard.tasks")


class JournaledRequest(Request):
    """Writes one ``task_finished`` line for each execution, whatever its end.

    And a second one for a task in a thread that ends after it has ``timed_out``.
    """

    accepted_at = 0.0
    #: It was lost too often to be delivered once more.
    given_up = False

    @property
    def eta(self) -> datetime | None:
        """None for what was sent by this project: it has waited on its way, in the outbox and in the broker.

        Celery would wait for the eta once more, by this host's clock and in a slot that nothing else gets. A
        clock that is an hour behind the caller's would keep all slots for an hour.
        """
        eta: datetime | None = super().eta
        return None if SENT_AT in self.request_dict else eta

    def on_accepted(self, pid: Any, time_accepted: float) -> None:
        self.accepted_at = time.time()
        super().on_accepted(pid, time_accepted)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Celery derives a class per task whose own on_success does not call ours (create_request_cls)."""
        super().__init_subclass__(**kwargs)
        succeed = cls.on_success

        def on_success(self: JournaledRequest, outcome: tuple[bool, Any, float], **options: Any) -> None:
            succeed(self, outcome, **options)
            failed, _, run_seconds = outcome
            if not failed:
                self._finished("succeeded", run_seconds=run_seconds)

        cls.on_success = on_success  # type: ignore[method-assign, assignment]

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """The soft limit in any pool, the hard one of a child process: Celery tells the chord, then answers.

        After the hard one the message goes back in any case. A database that is away must not leave it
        without an answer: it comes again, and what its next run ends with is told.
        """
        if not soft:
            self._lose(TimeLimitExceeded(timeout))
        try:
            super().on_timeout(soft, timeout)
        except DatabaseError as error:
            log.warning("failure_not_stored", task_id=self.id, error=type(error).__name__)
            self.reject(requeue=True)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        error = plain(exc_info.exception)
        outcome = outcome_of(error)
        if outcome == "returned" and is_refused_for_good(self.message, error):
            exc_info.exception = error = StillRefused(error)
            outcome = "failed"
        if outcome == "returned" or (outcome == "lost" and not self._lose(error)):
            state.task_ready(self)
            give_back(self.message, self.id, error)
        else:
            if outcome == "lost":
                self._note_loss(error)
            try:
                super().on_failure(exc_info, send_failed_event, return_ok)
            except DatabaseError as unstored:
                if self.message.acknowledged:
                    raise
                # What the task itself rejects is stored first, and nothing is lost by doing it again.
                give_back(self.message, self.id, unstored)
        self._finished(outcome, class_in(exc_info, error))

    def reject(self, requeue: bool = False) -> None:
        super().reject(requeue and not self.given_up)

    def on_overdue(self, timeout: float) -> None:
        """The hard limit of a task in a thread: noted as for a child process.

        But the message is not given back while the thread still runs. If it is the last time, it may go.
        """
        error = TimeLimitExceeded(timeout)
        self._lose(error)
        if self.given_up:
            self.reject()
        try:
            if self.store_errors:
                self.task.backend.store_result(self.id, error, states.FAILURE, request=self._context)  # type: ignore[attr-defined]
        finally:
            # The pool's watching thread keeps none.
            connections.close_all()
            self._finished("timed_out", type(error).__name__)

    def cancel(self, pool: Any, signal: Any = None, emit_retry: bool = True) -> None:
        """In a cold shutdown. A thread cannot be ended; its process will be, and the message redelivered."""
        if not isinstance(pool, TaskPool):
            super().cancel(pool, signal, emit_retry)

    def _lose(self, error: BaseException) -> bool:
        """Count this run as lost. False if that cannot be written down."""
        try:
            self.given_up = count_loss(self.message)
        except Exception as failure:  # noqa: BLE001 - the message is what counts
            log.warning("loss_not_counted", task_id=self.id, error=type(failure).__name__)
            return False
        if self.given_up:
            log.error("delivery_limit_reached", task_id=self.id, task=self.name, error=class_of(error))
        return True

    def _note_loss(self, error: BaseException) -> None:
        """As a RETRY, which is no end to anybody who waits, or else as the failure that it is.

        Before the message goes back: the next run's result comes after it.
        """
        if self.given_up:
            error = DeliveryLimitExceeded(self.message, error)
        if self.store_errors or self.given_up:
            try:
                self.task.backend.note_loss(self.id, error, self._context, last=self.given_up)  # type: ignore[attr-defined]
            except Exception as failure:  # noqa: BLE001 - the message is what counts
                log.warning("failure_not_stored", task_id=self.id, error=type(failure).__name__)

    def _finished(self, outcome: str, error: str = "", run_seconds: float | None = None) -> None:
        headers = self.request_dict
        wait_seconds = max(0.0, self.accepted_at - journal.due_at(headers))
        if run_seconds is None:
            run_seconds = max(0.0, time.time() - self.accepted_at)
        journal.finished(
            headers,
            queue_of_key(self.delivery_info["routing_key"]),
            outcome=outcome,
            wait_seconds=wait_seconds,
            run_seconds=run_seconds,
        )
        metrics.finished(
            self.task.name,
            outcome=outcome,
            error=error,
            wait_seconds=wait_seconds,
            run_seconds=run_seconds,
        )


def outcome_of(error: BaseException) -> str:
    """One word for how an execution ended that did not succeed."""
    error = plain(error)
    if isinstance(error, Ignore):
        return "replaced" if error.args == REPLACED else "ignored"
    return next((word for classes, word in WORDS if isinstance(error, classes)), "failed")


def plain(error: BaseException) -> BaseException:
    """What the task raised, without what a child process wraps around it."""
    return getattr(error, "exc", error) if isinstance(error, ExceptionWithTraceback) else error
