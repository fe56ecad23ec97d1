"""Hands out all messages of a queue as they come: to get each would cost a round trip.

A quorum queue gives a consumer no more than its window, and nothing here is given back before the end. So
there is another consumer, with a larger window, whenever all are used up: what is on its way is never more
than that, and a look at the first few asks for few.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

#: Messages: of the first window, and of the largest.
FIRST_WINDOW, LARGEST_WINDOW = 100, 800
#: Without a message for so long the queue is asked whether it has more.
SILENT_SECONDS = 0.2


class Stream:
    """Of one channel, until that is closed: it gives back what nobody acknowledged."""

    def __init__(self, channel: Any, queue: str) -> None:
        self._channel = channel
        self._queue = queue
        self._arrived: deque[Any] = deque()
        self._window = self._windows = 0
        #: Of what came by a window: what was not acknowledged yet.
        self._open = 0

    def __iter__(self) -> Iterator[Any]:
        while self._more():
            yield self._arrived.popleft()

    def _more(self) -> bool:
        """Whether another has arrived. Empty is a queue that said so twice: some may be on their way."""
        if not self._arrived and self._open >= self._windows:
            self._consume()
        empty = 0
        while not self._arrived and empty < 2:
            try:
                self._channel.connection.drain_events(timeout=SILENT_SECONDS)
            except TimeoutError:
                empty = 0 if self.get() else empty + 1
        return bool(self._arrived)

    def get(self) -> bool:
        """Take one beside those that come; whether there was one.

        The queue's leader answers a get, and has to. The count of a queue whose leader is busy is 0.
        """
        message = self._channel.basic_get(self._queue)
        if message is None:
            return False
        self._arrived.append(message)
        return True

    def ack(self, message: Any) -> None:
        """Take this one out of the queue, and so give its window room for another."""
        message.ack()
        self._open -= "consumer_tag" in message.delivery_info

    def _consume(self) -> None:
        """The window of a channel holds for the consumers that come after it."""
        window = min(LARGEST_WINDOW, self._window * 2 or FIRST_WINDOW)
        if window != self._window:
            self._channel.basic_qos(0, window, False)
        self._window = window
        self._windows += window
        self._channel.basic_consume(self._queue, uuid4().hex, nowait=True, callback=self._take)

    def _take(self, message: Any) -> None:
        self._open += 1
        self._arrived.append(message)
