"""Hands a message that comes back after a lost connection to the run that still has it.

A broker that loses a worker's connection gives everything that this worker had not acknowledged to another
one, or to the same again, which goes on with it all the while. Celery would run each of these messages once
more beside the run that is there. Here the message object that the run has moves to the new delivery, and so
does the acknowledgement that is still to come, or that could not be written in between.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from celery.worker import state

#: How long an answer is kept for a message that has not come back: another worker has it then, as a rule.
KEPT_SECONDS = 600

#: What identifies a message on each of its deliveries: its headers, but for the broker's, and its body.
Key = tuple[str, Any]


@dataclass(eq=False)
class Undelivered:
    """A message whose delivery was lost with its connection, and what this worker has made of it."""

    message: Any
    #: None if it had ended when the connection was lost.
    request: Any
    #: Says to the broker how the run has ended. None while it goes on.
    answer: Callable[[], object] | None = None
    lost_at: float = field(default_factory=time.monotonic)

    @property
    def running(self) -> bool:
        """A run that has ended must take nothing over: nobody would acknowledge it."""
        if self.answer or self.request is None:
            return False
        begun = self.request.time_start is not None
        return self.request in (state.active_requests if begun else in_hand())

    @property
    def of_use(self) -> bool:
        return self.running or (self.answer is not None and time.monotonic() < self.lost_at + KEPT_SECONDS)


class Takeover:
    """What one worker still has of messages that were delivered to it on connections that it lost."""

    def __init__(self) -> None:
        self._lost: dict[Key, list[Undelivered]] = defaultdict(list)
        self._of_message: dict[int, Undelivered] = {}

    def lose(self, requests: set[Any]) -> None:
        """The connection is gone that these requests came by; they go on. Again for one does no harm."""
        known = {each.request for each in self._of_message.values()}
        kept = [each for each in self._of_message.values() if each.of_use]
        self._lost.clear()
        self._of_message.clear()
        for each in [*kept, *(Undelivered(one.message, one) for one in requests - known)]:
            self._add(each)

    def take(self, message: Any) -> bool:
        """Give a message to the run that has it. False if there is none, and it has to be run."""
        found = self._pop(message) if self._lost else None
        if found is None:
            return False
        # In place: the request, its acknowledgement and whoever gives it back later all have this object.
        found.message.channel = message.channel
        found.message.delivery_tag = message.delivery_tag
        found.message.delivery_info = message.delivery_info
        if found.answer:
            found.answer()
        return True

    def answer(self, write: Callable[..., object], *args: Any) -> None:
        """Write an acknowledgement or a rejection (a bound method of the message); keep it if that fails.

        What goes back to the queue is back there already when the connection is lost.
        """
        message: Any = getattr(write, "__self__", None)
        found = self._of_message.get(id(message))
        if found is None:
            try:
                write(*args)
            finally:
                if not message.acknowledged:
                    self._keep(Undelivered(message, None), write, args)
            return
        self._keep(found, write, args)

    def _keep(self, found: Undelivered, write: Callable[..., object], args: tuple[Any, ...]) -> None:
        goes_back = write.__name__.startswith("reject") and True in args
        if goes_back:
            self._forget(found)
        else:
            found.answer = lambda: write(*args)
            self._add(found)

    @property
    def running(self) -> int:
        """Runs that hold a slot and no delivery, so that the broker does not count them."""
        return sum(each.running for each in self._of_message.values()) if self._of_message else 0

    def _pop(self, message: Any) -> Undelivered | None:
        """Of two copies of one message, the one that runs first; what runs no more is of no use."""
        useful = [each for each in self._lost.get(_key(message), ()) if each.of_use]
        if not useful:
            return None
        found = min(useful, key=lambda each: not each.running)
        self._forget(found)
        return found

    def _add(self, each: Undelivered) -> None:
        if id(each.message) not in self._of_message:
            self._of_message[id(each.message)] = each
            self._lost[_key(each.message)].append(each)

    def _forget(self, each: Undelivered) -> None:
        if self._of_message.pop(id(each.message), None):
            self._lost[_key(each.message)].remove(each)


def in_hand() -> set[Any]:
    """All requests that the worker has.

    By their ids alone one would hide another: a message that was published twice (a relay that died, a
    connection that was lost) may have come to the same worker twice.
    """
    while True:
        try:
            return {*state.requests.values(), *state.reserved_requests}
        except RuntimeError:
            # A thread has ended its task meanwhile, and a set must not change while it is read.
            continue


def _key(message: Any) -> Key:
    # RabbitMQ 3.10 hands them out in another order the second time.
    own = sorted((str(name), repr(value)) for name, value in message.headers.items())
    return repr([each for each in own if not each[0].startswith("x-")]), message.body
