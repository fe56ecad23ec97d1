"""Publishes batches of rows, and tells the message's own fault from the broker's trouble.

After any error the connection is thrown away, and its delivery tags with it: what was not confirmed is still
in the outbox.
"""

import time
from collections.abc import Sequence

from switchyard.installation import identity
from switchyard.outage import MESSAGE_FAULTS
from switchyard.outbox.models import Message
from switchyard.relay.confirms import Outcome
from switchyard.relay.link import INFRASTRUCTURE, Link, Unwritable

#: Of one batch, whatever happens; its rows are locked for as long.
BATCH_SECONDS = 30

OWN_FAULTS = (*MESSAGE_FAULTS, Unwritable)


class Publisher:
    """One connection to the broker, opened when it is needed and never used again after an error."""

    def __init__(self) -> None:
        self._link: Link | None = None

    def connect(self) -> Link:
        """Open the connection if there is none. Raises what is in ``INFRASTRUCTURE``, and django.db.Error."""
        if self._link is None:
            self._link = Link(identity())
        return self._link

    @property
    def proven(self) -> bool:
        """Whether the broker has confirmed anything on this connection."""
        return self._link is not None and self._link.window.proven

    def blocked(self) -> bool:
        """Whether the broker has said that it takes nothing (memory or disk alarm), and not taken it back.

        Raises what is in ``INFRASTRUCTURE``, having thrown the connection away.
        """
        try:
            return self._link is not None and self._link.blocked()
        except INFRASTRUCTURE:
            self._throw_away()
            raise

    def confirmed_late(self) -> dict[int, str]:
        """As ``Link.confirmed_late``."""
        return self._link.confirmed_late() if self._link else {}

    def publish(self, messages: Sequence[Message]) -> Outcome:
        """Publish all; wait until each is answered, the broker blocks us or time is up. Raises no error."""
        deadline = time.monotonic() + BATCH_SECONDS
        outcome = self._attempt(messages, deadline)
        if isinstance(outcome.error, OWN_FAULTS):
            # One of them closed the channel for all. Alone, each one answers for itself.
            suspects = [message for message in messages if message.pk not in outcome.settled]
            self._publish_singly(suspects, outcome, deadline)
        return outcome

    def close(self) -> None:
        """Say goodbye, at the end of the process."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _publish_singly(self, messages: Sequence[Message], outcome: Outcome, deadline: float) -> None:
        outcome.error = None
        for message in messages:
            if outcome.error or time.monotonic() > deadline:
                return
            outcome.add(self._attempt_alone(message, deadline))

    def _attempt_alone(self, message: Message, deadline: float) -> Outcome:
        outcome = self._attempt([message], deadline)
        if isinstance(outcome.error, OWN_FAULTS):
            outcome.refused[message.pk] = f"refused: {outcome.error}"
            outcome.error = None
        return outcome

    def _attempt(self, messages: Sequence[Message], deadline: float) -> Outcome:
        outcome = Outcome()
        try:
            self.connect().publish(messages, outcome, deadline)
        except (*OWN_FAULTS, *INFRASTRUCTURE) as error:
            outcome.error = error
            self._throw_away()
        return outcome

    def _throw_away(self) -> None:
        if self._link is not None:
            self._link.abandon()
            self._link = None
