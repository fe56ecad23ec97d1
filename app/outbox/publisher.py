"""Publishing rows to the broker with pipelined confirms, each matched to its own row.

py-amqp's own confirmed publish waits for any confirm of the channel, so a late one is taken for the next
message's. Here each message has its delivery tag, which is forgotten with its connection: after any error the
connection is thrown away, and what was not confirmed is still in the outbox.
"""

import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

import amqp
import structlog
from amqp.exceptions import AMQPError, ContentTooLarge, FrameError, FrameSyntaxError, PreconditionFailed
from django.conf import settings
from kombu import Connection
from kombu.exceptions import KombuError
from kombu.transport.native_delayed_delivery import (
    MAX_LEVEL,
    calculate_routing_key,
    level_name,
)
from kombu.utils.json import loads

from app.celery import app
from app.outbox.models import Message
from app.queues import EXCHANGE

CONNECT_SECONDS = 3
HEARTBEAT_SECONDS = 30
#: Without a single confirm. A quorum queue that elects a leader takes a few seconds.
CONFIRM_SECONDS = 10
#: Of one batch, whatever happens; its rows are locked for as long.
BATCH_SECONDS = 30


class Unwritable(ValueError):
    """Raised for a message that has no form in AMQP."""


#: The message's own: what the broker closes a channel or a connection with when it is given such a message.
OWN_FAULTS = (PreconditionFailed, ContentTooLarge, FrameError, FrameSyntaxError, Unwritable)
#: All else that can go wrong on the way to the broker. AttributeError is what py-amqp raises now and then
#: where another thread of control has already found the connection lost.
INFRASTRUCTURE = (AMQPError, KombuError, OSError, AttributeError)

log = structlog.get_logger("app.outbox")


@dataclass
class Outcome:
    """What became of a batch. A row that is in none of these was not confirmed, and stays."""

    #: Seconds from publish to confirm, by row.
    confirmed: dict[int, float] = field(default_factory=dict)
    #: Reason by row: refused for the message's own fault.
    refused: dict[int, str] = field(default_factory=dict)
    #: Those of them that no queue wanted.
    returned: set[int] = field(default_factory=set)
    #: Refused by a full queue.
    nacked: set[int] = field(default_factory=set)
    #: Why the broker could not be asked about the rest.
    error: Exception | None = None

    @property
    def settled(self) -> set[int]:
        return self.confirmed.keys() | self.refused.keys() | self.nacked

    def add(self, other: "Outcome") -> None:
        self.confirmed |= other.confirmed
        self.refused |= other.refused
        self.returned |= other.returned
        self.nacked |= other.nacked
        self.error = other.error


class Publisher:
    """One connection to the broker, opened when it is needed and never used again after an error."""

    def __init__(self) -> None:
        self._link: Link | None = None

    def connect(self) -> "Link":
        """Open the connection if there is none. Raises what is in ``INFRASTRUCTURE``."""
        if self._link is None:
            self._link = Link()
        return self._link

    @property
    def proven(self) -> bool:
        """Whether the broker has confirmed anything on this connection."""
        return self._link is not None and self._link.proven

    def blocked(self) -> bool:
        """Whether the broker has said that it takes nothing (memory or disk alarm), and not taken it back.

        Also keeps the connection alive. Raises what is in ``INFRASTRUCTURE``, having thrown it away.
        """
        try:
            return self._link is not None and self._link.blocked()
        except INFRASTRUCTURE:
            self.disconnect()
            raise

    def close(self) -> None:
        """Say goodbye, at the end of the process."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def disconnect(self) -> None:
        if self._link is not None:
            self._link.abandon()
            self._link = None

    def publish(self, messages: Sequence[Message]) -> Outcome:
        """Publish all, and wait until each is confirmed or refused, or time is up. Raises no error."""
        deadline = time.monotonic() + BATCH_SECONDS
        outcome = self._attempt(messages, deadline)
        if isinstance(outcome.error, OWN_FAULTS):
            # One of them closed the channel for all. Alone, each one answers for itself.
            suspects = [message for message in messages if message.pk not in outcome.settled]
            self._publish_singly(suspects, outcome, deadline)
        return outcome

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
            self.disconnect()
        return outcome


class Link:
    """A connection with one channel in confirm mode. Good until its first error."""

    def __init__(self) -> None:
        self.proven = False
        self._blocked = False
        self._tag = 0
        self._pending: dict[int, tuple[int, float]] = {}
        self._outcome = Outcome()
        self._connection = _connection(self._block, self._unblock)
        try:
            self._connection.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS, interval_start=0)
            self._channel = self._confirming_channel()
        except BaseException:
            self.abandon()
            raise

    def _confirming_channel(self) -> Any:
        channel: Any = self._connection.channel()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        channel.confirm_select()
        return channel

    def blocked(self) -> bool:
        self._connection.heartbeat_check()
        while self._drain(0):
            pass
        return self._blocked

    def close(self) -> None:
        self._connection.release()

    def abandon(self) -> None:
        """Close the socket without a word: a broker that hangs would not answer a goodbye."""
        self._connection.collect(socket_timeout=0)

    def publish(self, messages: Iterable[Message], outcome: Outcome, deadline: float) -> None:
        """Fill the outcome as the broker answers, so that an error does not take back what was confirmed."""
        self._outcome = outcome
        for message in messages:
            if self._blocked:
                break
            try:
                content, exchange, routing_key = prepared(message)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                outcome.refused[message.pk] = f"unreadable: {error!r}"
            else:
                self._publish_one(message.pk, content, exchange, routing_key)
        self._wait_for_confirms(deadline)

    def _publish_one(self, pk: int, content: amqp.Message, exchange: str, routing_key: str) -> None:
        self._tag += 1
        self._pending[self._tag] = (pk, time.monotonic())
        try:
            self._channel.basic_publish(content, exchange, routing_key, mandatory=True)
        except (struct.error, TypeError, UnicodeError) as error:
            raise Unwritable(str(error)) from error

    def _wait_for_confirms(self, deadline: float) -> None:
        while self._pending:
            before = len(self._pending)
            if not self._drain(min(CONFIRM_SECONDS, deadline - time.monotonic())):
                blocked = " (it has blocked publishers: memory or disk alarm)" if self._blocked else ""
                raise TimeoutError(f"the broker did not confirm {before} messages in time{blocked}")

    def _drain(self, seconds: float) -> bool:
        """Take in what the broker says until it says nothing for so long; whether it said anything."""
        try:
            self._connection.drain_events(timeout=max(seconds, 0.001))
        except TimeoutError:
            return False
        return True

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self.proven = True
        for pk, published in self._answered(tag, multiple):
            # A message that was returned is confirmed too, after it.
            if pk not in self._outcome.refused:
                self._outcome.confirmed[pk] = time.monotonic() - published

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._outcome.nacked |= {pk for pk, _ in self._answered(tag, multiple)}

    def _on_return(self, error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        pk = int(message.properties["message_id"])
        self._outcome.refused[pk] = f"unroutable: {error}"
        self._outcome.returned.add(pk)

    def _answered(self, tag: int, multiple: bool) -> list[tuple[int, float]]:
        tags = [each for each in self._pending if each <= tag] if multiple else [tag]
        return [self._pending.pop(each) for each in tags if each in self._pending]

    def _block(self, _reason: str) -> None:
        self._blocked = True
        log.warning("broker_blocked", reason="memory or disk alarm; see the broker's log")

    def _unblock(self) -> None:
        self._blocked = False
        log.info("broker_unblocked")


def prepared(message: Message) -> tuple[amqp.Message, str, str]:
    """The message, its exchange and its routing key, as of now: a delay is what is left until its eta."""
    headers, properties = loads(message.headers), loads(message.properties)
    exchange, routing_key = EXCHANGE, message.queue
    now = datetime.now(UTC)
    delay = ceil((message.eta - now).total_seconds()) if message.eta else 0
    if delay > 0:
        exchange, routing_key = level_name(MAX_LEVEL), calculate_routing_key(delay, message.queue)
    elif headers.get("expires"):
        # Milliseconds. Not beside a delay, whose queues would let it out too early; the worker looks again.
        left = (datetime.fromisoformat(headers["expires"]) - now).total_seconds()
        properties["expiration"] = str(max(0, int(left * 1000)))
    content = amqp.Message(
        message.body, application_headers=headers, message_id=str(message.pk), **properties
    )
    return content, exchange, routing_key


def _connection(on_blocked: Any, on_unblocked: Any) -> Connection:
    options = {
        **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        # py-amqp would wait for each confirm, and for any confirm.
        "confirm_publish": False,
        "on_blocked": on_blocked,
        "on_unblocked": on_unblocked,
    }
    return app.connection_for_write(
        connect_timeout=CONNECT_SECONDS, heartbeat=HEARTBEAT_SECONDS, transport_options=options
    )
