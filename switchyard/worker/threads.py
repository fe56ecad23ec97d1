"""Runs the tasks of an io worker in threads, and makes them keep their time limits.

Soft limit: SoftTimeLimitExceeded is raised in the task, as it is in a child process.

Hard limit: a thread cannot be killed, so the worker has to go. ``worker.drain`` sees ``overdue``, stops
consuming, and waits for the other tasks, which have at most their own hard limit left; then the process ends
with OVERDUE_EXIT_CODE and leaves the thread behind. The broker redelivers the unacknowledged message, and
counts it, up to the queue's delivery limit. A task that ends after all while the worker is still there is
acknowledged as usual.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from amqp.exceptions import AMQPError
from billiard.einfo import ExceptionInfo
from celery import signals
from celery.concurrency import thread
from celery.exceptions import WorkerLostError
from celery.platforms import EX_FAILURE
from celery.worker import state

from switchyard.postgresql.pool import TASK_WAIT_SECONDS, share_connections
from switchyard.tasks.failure import class_of, text_of
from switchyard.worker.failures import note_class
from switchyard.worker.isolation import in_own_context
from switchyard.worker.limits import LimitedCall
from switchyard.worker.mailbox import Mailbox

#: How often the limits are looked at, and so how late one can be.
LOOK_SECONDS = 0.5

#: What a worker exits with that left a task behind which had passed its hard limit.
OVERDUE_EXIT_CODE = 4

log = structlog.get_logger("switchyard.tasks")


class TaskPool(thread.TaskPool):
    """``--pool=threads`` of this project; ``switchyard.attach`` gives it that name."""

    executor: ThreadPoolExecutor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: From when a task is handed over until its outcome has been reported.
        self.calls: set[LimitedCall] = set()
        #: The consumer's, when there is one.
        self.mailbox: Mailbox | None = None

    @property
    def overdue(self) -> set[str]:
        """Ids of the tasks that still run, past their hard limit."""
        return {call.task_id for call in list(self.calls) if call.overdue}

    def withdraw(self) -> set[str]:
        """Take back the tasks that no thread has begun. Returns their ids."""
        withdrawn = {call for call in list(self.calls) if call.future and call.future.cancel()}
        self.calls -= withdrawn
        return {call.task_id for call in withdrawn}

    def on_start(self) -> None:
        share_connections(wait_seconds=TASK_WAIT_SECONDS, between_transactions=True)
        super().on_start()
        signals.worker_shutdown.connect(self._leave)
        threading.Thread(target=self._watch, name="limits", daemon=True).start()

    def on_apply(self, target: Any, args: Any = None, kwargs: Any = None, *_: Any, **options: Any) -> Any:
        call = LimitedCall(
            task_id=options.get("correlation_id", ""),
            soft_limit=options.get("soft_timeout") or self.options.get("soft_timeout"),
            hard_limit=options.get("timeout") or self.options.get("timeout"),
            report_soft_limit=options["timeout_callback"],
        )
        self.calls.add(call)
        call.future = self.executor.submit(self._run, call, target, args or (), kwargs or {}, options)
        return thread.ApplyResult(call.future)  # type: ignore[attr-defined]

    def on_stop(self) -> None:
        """Wait for the tasks that run, but neither for an overdue one nor in a cold shutdown."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        while not state.should_terminate and any(not call.overdue for call in self._begun()):
            time.sleep(0.1)
            self._empty_mailbox()
        self._empty_mailbox()

    def on_terminate(self) -> None:
        if self._begun():
            _exit(EX_FAILURE)

    def _run(self, call: LimitedCall, target: Any, args: Any, kwargs: Any, report: dict[str, Any]) -> None:
        """One task, in its thread. Whatever happens, its request hears of the outcome."""
        try:
            report["accept_callback"](os.getpid(), time.monotonic())
            try:
                outcome = call.run(in_own_context, (target, *args), kwargs)
            except Exception:  # noqa: BLE001 - Reject, for one; the request knows them all
                report["error_callback"](ExceptionInfo())
            except BaseException as error:  # noqa: BLE001 - sys.exit() in a task ends a child process
                report["error_callback"](_lost(error))
            else:
                self._succeeded(call.task_id, report["callback"], outcome)
        except Exception:
            log.exception("task_outcome_unreported", task_id=call.task_id)
        finally:
            self.calls.discard(call)

    def _empty_mailbox(self) -> None:
        """In the place of the loop, which has ended. What cannot be acknowledged any more is redelivered."""
        if self.mailbox:
            with suppress(AMQPError, OSError):
                self.mailbox.empty()

    def _succeeded(self, task_id: str, report: Callable[[Any], object], outcome: Any) -> None:
        """Acknowledgement, log and counters are the loop's. A failure is not: it may be stored first."""
        if self.mailbox is None or outcome[0]:
            report(outcome)
        else:
            self.mailbox.post(partial(report, outcome), task_id)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            if self.mailbox:
                # The loop forgets what it was called for when something else raises in the same turn.
                self.mailbox.call()
            for call in self._begun():
                try:
                    self._enforce(call)
                except Exception:
                    log.exception("limit_not_enforced", task_id=call.task_id)

    def _enforce(self, call: LimitedCall) -> None:
        if call.interrupt_if_due():
            call.report_soft_limit(True, call.soft_limit)
        if call.give_up_if_due():
            log.error("task_overdue", task_id=call.task_id, hard_limit_seconds=call.hard_limit)
            if request := state.requests.get(call.task_id):
                request.on_overdue(call.hard_limit)

    def _begun(self) -> list[LimitedCall]:
        return [call for call in list(self.calls) if call.started_at is not None]

    def _leave(self, **_: Any) -> None:
        """The worker has stopped and its connection is closed, but Python would wait for every thread."""
        if self._begun():
            _exit(EX_FAILURE if state.should_terminate else OVERDUE_EXIT_CODE)


def _lost(error: BaseException) -> ExceptionInfo:
    lost = WorkerLostError(f"{class_of(error)}: {text_of(error)}")
    einfo = ExceptionInfo((WorkerLostError, lost, error.__traceback__))
    note_class(einfo, error)
    return einfo


def _exit(code: int) -> None:
    """End the process now, with its last lines written."""
    logging.shutdown()
    os._exit(code)  # Python's own exit joins every thread
