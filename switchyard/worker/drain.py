"""Ends a worker: it takes nothing more, finishes what it has begun, and only then leaves the broker.

Celery leaves its event loop as soon as it is told to stop, and waits for the running tasks afterwards. From
then on nobody sends heartbeats or acknowledgements: when the drain lasts longer than two heartbeats, the
broker cuts the connection, and everything that finished in the meantime runs again somewhere else. Here the
loop goes on until the last acknowledgement has been written.
"""

import signal
import threading
import time
from typing import Any

import structlog
from celery.bootsteps import StartStopStep
from celery.worker import state

from switchyard.worker.takeover import in_hand
from switchyard.worker.threads import OVERDUE_EXIT_CODE, TaskPool

#: How often the step looks whether it was told to stop, and then whether the work is done.
LOOK_SECONDS = 0.5

#: How long the acknowledgement of a task that has ended may take to be written. Some never come: that of a
#: task that was cancelled, for one.
ACK_SECONDS = 5

log = structlog.get_logger("switchyard.tasks")


class DrainStep(StartStopStep):
    """On SIGTERM or the first SIGINT: stop consuming, give back what has not begun, leave when all is done.

    The same when a task in a thread has passed its hard limit. Such a task is not waited for, so a drain
    lasts at most as long as the queue's hard limit.

    A second SIGTERM changes nothing. SIGQUIT and the second SIGINT end the worker at once, as they do any
    Celery worker. When the connection is lost meanwhile, nothing can be acknowledged any more: the worker
    does not connect again, and leaves when its tasks have ended.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        super().__init__(consumer)
        self.timer: Any = None
        self.signals_taken = False
        #: What the worker will exit with. None until it is told to stop.
        self.exitcode: int | None = None
        self.draining = False
        #: The requests to wait for, each with the monotonic time until which its acknowledgement may come.
        self.in_hand: dict[Any, float] = {}

    def include_if(self, consumer: Any) -> bool:
        """Not with a pool of greenlets, which has no event loop of this kind."""
        return consumer.hub is not None

    def start(self, consumer: Any) -> None:
        if not self.signals_taken and threading.current_thread() is threading.main_thread():
            self.signals_taken = True
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._kept_back(signal.getsignal(number)))
        self.timer = consumer.timer.call_repeatedly(LOOK_SECONDS, self._look, (consumer,))

    def stop(self, consumer: Any) -> None:
        """The worker is leaving its loop, or has lost its connection: from here Celery's own way holds."""
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if self.exitcode is not None:
            _leave(self.exitcode)

    def _kept_back(self, handler: Any) -> Any:
        """Celery's signal handler, with its order to leave the loop kept back for ``_look``."""
        if not callable(handler):
            return handler

        def handle(number: int, frame: Any) -> None:
            handler(number, frame)
            # Assignments only: the signal may have come while the loop holds a lock that is not reentrant.
            if self.timer and state.should_stop is not None:
                self.exitcode, state.should_stop = state.should_stop, None  # type: ignore[unreachable]

        return handle

    def _look(self, consumer: Any) -> None:
        overdue = _overdue(consumer.pool)
        if self.exitcode is None and overdue:
            self.exitcode = OVERDUE_EXIT_CODE
        if self.exitcode is None:
            return
        if not self.draining:
            self.draining = True
            consumer.task_consumer.cancel()
            returned = give_back_unstarted(consumer)
            log.info("worker_draining", running=len(state.requests), returned=returned)
        self._settle(overdue)
        if not self.in_hand:
            _leave(self.exitcode)

    def _settle(self, overdue: set[str]) -> None:
        """Forget the requests that have ended and whose acknowledgement, or rejection, has been written."""
        running = {request for request in in_hand() if request.id not in overdue}
        self.in_hand |= dict.fromkeys(running, time.monotonic() + ACK_SECONDS)
        self.in_hand = {
            request: until
            for request, until in self.in_hand.items()
            if request in running
            or not (request.message.acknowledged or request.id in overdue or time.monotonic() > until)
        }


def give_back_unstarted(consumer: Any) -> int:
    """Return the messages that no slot has begun to the queue, for other workers. Returns how many."""
    if consumer.controller.semaphore:
        # The requests that wait here for a free child are found below, as they were never handed over.
        consumer.controller.semaphore.clear()
    unstarted = withdraw_unstarted(consumer)
    for request in unstarted:
        request.reject(requeue=True)
    return len(unstarted)


def withdraw_unstarted(consumer: Any) -> list[Any]:
    """Take the requests that no slot has begun out of the worker."""
    withdrawn = consumer.pool.withdraw() if isinstance(consumer.pool, TaskPool) else set()
    unstarted = [
        request
        for request in in_hand()
        if (request.id in withdrawn and request.time_start is None) or _not_handed_over(request)
    ]
    for request in unstarted:
        # Celery keeps it for this (Consumer.on_close); before 5.7 such a request is not among these.
        if timer_entry := getattr(request, "_eta_timer_entry", None):
            consumer.timer.cancel(timer_entry)
        state.task_ready(request)
    return unstarted


def _not_handed_over(request: Any) -> bool:
    return request.time_start is None and request._apply_result is None  # noqa: SLF001 - no public reader


def _overdue(pool: Any) -> set[str]:
    return pool.overdue if isinstance(pool, TaskPool) else set()


def _leave(exitcode: int) -> None:
    """Celery's loop looks at this flag at each turn."""
    state.should_stop = exitcode  # type: ignore[assignment]
