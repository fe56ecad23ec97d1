"""Publishes rows on one connection to the broker, with pipelined confirms.

py-amqp's own confirmed publish waits for any confirm of the channel, so a late one is taken for the next
message's. Here each message has its delivery tag (``switchyard.relay.confirms``).
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

import amqp
import structlog
from amqp.exceptions import AMQPError
from kombu import Connection
from kombu.exceptions import KombuError
from kombu.transport.native_delayed_delivery import MAX_LEVEL, calculate_routing_key, level_name
from kombu.utils.json import loads

from switchyard.broker.claim import OthersVhost, look
from switchyard.broker.connection import explained, is_of_tls
from switchyard.celery import attached
from switchyard.deadline import CONNECT_SECONDS
from switchyard.outbox.compression import published
from switchyard.outbox.models import Message
from switchyard.outbox.moments import moment_in
from switchyard.queues import EXCHANGE
from switchyard.relay.confirms import Outcome, Window

HEARTBEAT_SECONDS = 30
#: Without a single confirm. A quorum queue that elects a leader takes a few seconds.
CONFIRM_SECONDS = 10

log = structlog.get_logger("switchyard.outbox")


#: All that can go wrong on the way to the broker. AttributeError is what py-amqp raises now and then where it
#: has already found the connection lost.
INFRASTRUCTURE = (AMQPError, KombuError, OSError, AttributeError)


class Unwritable(ValueError):
    """Raised for a message that has no form in AMQP."""


class Link:
    """One connection with one channel in confirm mode. Good until its first error.

    Raises OthersVhost where ``identity``, this installation's, is not that of the vhost.
    """

    def __init__(self, identity: str = "") -> None:
        self.window = Window()
        self._blocked = False
        self._unsettled = Outcome()
        #: Row to task id, of what was on its way when the broker blocked us.
        self._on_the_way: dict[int, str] = {}
        self._connection = _connection(self._block, self._unblock)
        try:
            self._connection.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS, interval_start=0)
            look(self._connection, identity)
            self._channel = self._confirming_channel()
        except BaseException:
            self.abandon()
            raise

    def blocked(self) -> bool:
        """Whether the broker has said that it takes nothing, and not taken it back. Sends heartbeats too."""
        self._connection.heartbeat_check()
        while self._drain(0):
            pass
        self._wait_for_confirms(time.monotonic() + CONFIRM_SECONDS)
        return self._blocked

    def confirmed_late(self) -> dict[int, str]:
        """Rows, with their task ids, that were on their way when the broker blocked us and are confirmed now.

        Each is told once.
        """
        if self.window:
            return {}
        outcome, self._unsettled = self._unsettled, Outcome()
        on_the_way, self._on_the_way = self._on_the_way, {}
        return {row: on_the_way[row] for row in outcome.confirmed if row in on_the_way}

    def publish(self, messages: Sequence[Message], outcome: Outcome, deadline: float) -> None:
        """Fill the outcome as the broker answers, so that an error does not take back what was confirmed."""
        self.window.open(outcome)
        for message in messages:
            if self._blocked:
                break
            try:
                content, exchange, routing_key = prepared(message)
            except Exception as error:  # noqa: BLE001 - one row must never end the relay, again and again
                outcome.refused[message.pk] = f"unreadable: {error!r}"
            else:
                self._publish_one(message.pk, content, exchange, routing_key)
        self._wait_for_confirms(deadline)
        if self.window:
            self._unsettled = outcome
            self._on_the_way |= {message.pk: message.task_id for message in messages}

    def close(self) -> None:
        """Say goodbye, at the end of the process."""
        self._connection.release()

    def abandon(self) -> None:
        """Close the socket without a word: a broker that hangs would not answer a goodbye."""
        self._connection.collect(socket_timeout=0)

    def _confirming_channel(self) -> Any:
        channel: Any = self._connection.channel()
        channel.events["basic_ack"].add(self.window.acked)
        channel.events["basic_nack"].add(self.window.nacked)
        channel.events["basic_return"].add(self._returned)
        channel.confirm_select()
        return channel

    def _publish_one(self, row: int, content: amqp.Message, exchange: str, routing_key: str) -> None:
        self.window.published(row)
        try:
            self._channel.basic_publish(content, exchange, routing_key, mandatory=True)
        except INFRASTRUCTURE:
            raise
        except Exception as error:
            # Headers nested too deep for py-amqp's recursion, a number too large for AMQP, and what else.
            raise Unwritable(repr(error)) from error

    def _wait_for_confirms(self, deadline: float) -> None:
        """Return when all are answered, or the broker has blocked us: then they are answered when it goes on.

        A connection that is left while it is blocked leaves what it sent behind, to be read, and so repeated,
        when the alarm is over. Raises TimeoutError.
        """
        while self.window and not self._blocked:
            if not self._drain(min(CONFIRM_SECONDS, deadline - time.monotonic())):
                raise TimeoutError(f"the broker did not confirm {len(self.window)} messages in time")

    def _drain(self, seconds: float) -> bool:
        """Take in one thing that the broker says; False if it says nothing for so long."""
        try:
            self._connection.drain_events(timeout=max(seconds, 0.001))
        except TimeoutError:
            return False
        return True

    def _returned(self, error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        self.window.returned(int(message.properties["message_id"]), f"unroutable: {error}")

    def _block(self, _reason: str) -> None:
        self._blocked = True
        log.warning("broker_blocked", reason="memory or disk alarm; see the broker's log")

    def _unblock(self) -> None:
        self._blocked = False
        log.info("broker_unblocked")


def prepared(message: Message) -> tuple[amqp.Message, str, str]:
    """The message, its exchange and its routing key, as of now: a delay is what is left until its eta.

    Raises ValueError, or whatever the row's own text makes what reads it raise.
    """
    headers, properties = loads(message.headers), loads(message.properties)
    exchange, routing_key = EXCHANGE, message.queue
    delay = ceil(message.due_in or 0)
    if delay > 0:
        exchange, routing_key = level_name(MAX_LEVEL), calculate_routing_key(delay, message.queue)
    elif headers.get("expires"):
        # Milliseconds. Not beside a delay, whose queues would let it out too early; the worker looks again.
        left = moment_in(headers["expires"]) - datetime.now(UTC)
        properties["expiration"] = str(max(0, int(left.total_seconds() * 1000)))
    content = amqp.Message(
        published(message.body, headers),
        application_headers=headers,
        message_id=str(message.pk),
        **properties,
    )
    return content, exchange, routing_key


def trouble_with_broker(error: Exception) -> tuple[str, str]:
    """The event, and the reason with what mends it."""
    if isinstance(error, OthersVhost):
        return "vhost_of_another", str(error)
    return "tls_refused" if is_of_tls(error) else "broker_away", str(explained(error))


def _connection(on_blocked: Any, on_unblocked: Any) -> Connection:
    app = attached()
    options = {
        **app.conf.broker_transport_options,
        # py-amqp would wait for each confirm, and for any confirm.
        "confirm_publish": False,
        "on_blocked": on_blocked,
        "on_unblocked": on_unblocked,
    }
    return app.connection_for_write(
        connect_timeout=CONNECT_SECONDS, heartbeat=HEARTBEAT_SECONDS, transport_options=options
    )
