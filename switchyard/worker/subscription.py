"""Notices that the broker has ended what a worker consumes, whoever was told so.

The broker says it once, as an error of whatever reads the connection just then. Celery reads it in places
that pass over errors: right after it has begun to consume, and in a command of `celery control`. The worker
stayed on then, without a consumer and without a word, until it was started anew.
"""

from typing import Any

from amqp.exceptions import ConsumerCancelled


class Subscription:
    """The consumers of one channel. The broker ends one with its queue, and all when it closes the channel.

    Made before they consume. What this side ends itself is forgotten by kombu and py-amqp alike.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._channel = consumer.channel
        self._reopened = False
        # py-amqp opens a channel again that the broker has closed, and its consumers are no more.
        self._channel.on_open = self._note_reopened

    def look(self) -> None:
        """Raise ConsumerCancelled, a lost connection to Celery, if fewer are there than were asked for."""
        asked_for = self._consumer._active_tags  # noqa: SLF001 - no public reader that costs no call a queue
        if self._reopened or len(self._channel.callbacks) < len(asked_for):
            raise ConsumerCancelled("The broker has ended what this worker consumes.")

    def _note_reopened(self, _: Any) -> None:
        self._reopened = True
