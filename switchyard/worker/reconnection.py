"""Goes on over a lost connection: runs keep their slots, and their messages when these come back.

| event           | fields                                                                        |
|-----------------|-------------------------------------------------------------------------------|
| connection_lost | running: runs that go on; returned: messages that nothing had begun to run    |
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import structlog
from celery.worker import state
from celery.worker.consumer import Consumer
from celery.worker.consumer.delayed_delivery import DelayedDelivery
from django.db import Error

from switchyard.broker.transport import held_back
from switchyard.worker import losses
from switchyard.worker.backoff import PatientConsumer
from switchyard.worker.drain import withdraw_unstarted
from switchyard.worker.mailbox import Mailbox
from switchyard.worker.requeue import give_back_later
from switchyard.worker.subscription import Subscription
from switchyard.worker.takeover import Takeover, in_hand
from switchyard.worker.threads import TaskPool

log = structlog.get_logger("switchyard.tasks")

#: A message's own, as Celery calls them.
ACKNOWLEDGEMENTS = {"ack_log_error", "reject_log_error"}
#: How long a message is held for which there is no slot, before others may have it.
OVERFULL_SECONDS = 2

STEP = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class DelayedDeliveryStep(DelayedDelivery):
    """Declares delayed delivery at the start only. Celery's own does so after each lost connection.

    That is a hundred round trips, and up to 9 s of waiting when the next connection is lost in between, in
    which nothing is taken or acknowledged.
    """

    def start(self, c: Any) -> None:
        if not c.restart_count:
            super().start(c)


class ReconnectingConsumer(PatientConsumer):
    """Celery's consumer, with one place for acknowledgements, which they can be kept in."""

    hub: Any
    connection: Any
    controller: Any
    task_consumer: Any
    subscription: Subscription

    class Blueprint(Consumer.Blueprint):  # type: ignore[valid-type, misc]
        default_steps = tuple(
            f"{__name__}:DelayedDeliveryStep" if step == STEP else step
            for step in Consumer.Blueprint.default_steps
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.takeover = Takeover()
        #: None with a pool of greenlets, which has no event loop.
        self.mailbox = Mailbox(self.hub, self._held_back) if self.hub else None
        if isinstance(self.pool, TaskPool):
            self.pool.mailbox = self.mailbox

    def register_with_event_loop(self, hub: Any) -> None:
        """Celery's hook right before it consumes, on each connection anew."""
        super().register_with_event_loop(hub)
        self.subscription = Subscription(self.task_consumer)
        hub.on_tick.add(self._look)

    def _look(self) -> None:
        """At each turn of the loop."""
        self.subscription.look()

    def call_soon_ack(self, p: Callable[..., object], *args: Any, **options: Any) -> Any:
        """Celery's hook for an acknowledgement or rejection, which only the loop may write."""
        if self.mailbox is None:
            return super().call_soon_ack(p, *args, **options)  # type: ignore[misc]
        return self.mailbox.post(partial(self.takeover.answer, p, *args))

    def call_soon(self, p: Callable[..., object], *args: Any, **options: Any) -> Any:
        """Celery before 5.7 has no such hook: there they come this way, among other things."""
        if self.mailbox is None or getattr(p, "__name__", "") not in ACKNOWLEDGEMENTS:
            return super().call_soon(p, *args, **options)
        return self.mailbox.post(partial(self.takeover.answer, p, *args))

    def goes_on_with(self, message: Any) -> bool:
        """Whether a run has the message already, or no slot is free for it; then it has been dealt with.

        The broker counts deliveries, and so takes the slot of a run for free whose delivery was lost.
        """
        if self.takeover.take(message):
            return True
        if self.takeover.running and len(in_hand()) >= self.max_prefetch_count:
            give_back_later(message, OVERFULL_SECONDS)
            return True
        return False

    def on_close(self) -> None:
        """Celery's hook for what to forget when the worker ends, or has lost its connection.

        Of a lost connection it forgets what runs, and that slots are taken. Here what no slot has begun is
        left to the broker, which has it back already, and what runs keeps its slot.
        """
        if self.connection is not None:
            super().on_close()
            return
        returned, kept = withdraw_unstarted(self), in_hand()
        super().on_close()
        running = self._still_running(kept)
        self.takeover.lose(running)
        if running or returned:
            log.warning("connection_lost", running=len(running), returned=len(returned))
        if any(request.delivery_info["redelivered"] for request in running):
            _say_that_it_lives()

    def _still_running(self, requests: set[Any]) -> set[Any]:
        """Of these, what the pool still has now that Celery has flushed it; their slots are taken."""
        if isinstance(self.pool, TaskPool):
            return requests
        # What no child process had accepted is forgotten by the pool: nobody would hear of its end.
        running = requests & {*state.active_requests}
        if semaphore := self.controller.semaphore:
            semaphore.value = max(0, semaphore.initial_value - len(running))
        return running

    def _held_back(self) -> AbstractContextManager[None]:
        return held_back(self.connection)


def _say_that_it_lives() -> None:
    """At each lost connection. If the database is away too, the next one says it."""
    try:
        losses.live_on()
    except Error as error:
        log.warning("losses_unknown", error=type(error).__name__)
