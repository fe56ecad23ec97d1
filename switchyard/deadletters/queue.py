"""Browses a dead-letter queue, and takes messages out of it."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from amqp.exceptions import AccessRefused, AMQPError, NotAllowed, NotFound
from kombu import Connection
from kombu.exceptions import OperationalError

from switchyard.broker.claim import OthersVhost, look, remedy
from switchyard.broker.connection import broker_address, explained, is_of_tls, unopened
from switchyard.conf import conf
from switchyard.deadletters.errors import given_up
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.places import Place
from switchyard.deadletters.stream import Stream
from switchyard.deadline import CONNECT_SECONDS
from switchyard.installation import known_identity
from switchyard.outage import Unavailable, first_line
from switchyard.outbox.compression import bound_decompression

#: A channel of RabbitMQ tells a quorum queue of up to 32 acknowledgements before it has heard of the first.
#: What is beyond that it keeps to itself, and forgets when it is closed: measured on 4.3.6, of 50 that were
#: acknowledged and then closed over, 17 were back in the queue.
ACKS_IN_FLIGHT = 25
#: Between two looks at which tasks were given up, while letters come.
ASK_AGAIN_SECONDS = 0.2


class DeadLetterQueue:
    """Hands out the dead letters of one queue, each once.

    What is handed out stays on the broker, unacknowledged: nobody else sees it until this is closed, or its
    process dies, and then it is back in the queue, though perhaps in another order. Here nothing is kept of
    it but what the caller keeps.
    """

    def __init__(self, connection: Any, place: Place) -> None:
        self._place = place.name
        self._name = place.queue
        self._channel: Any = connection.channel()
        #: Dead letters that waited when this was opened, without those that somebody else holds.
        self.waiting: int = self._channel.queue_declare(self._name, passive=True).message_count
        self._stream = Stream(self._channel, self._name)

    def __iter__(self) -> Iterator[DeadLetter]:
        lost, asked_at = set[str](), -ASK_AGAIN_SECONDS
        for message in self._stream:
            # After it came, for its worker has said so before it let go of it.
            if time.monotonic() - asked_at >= ASK_AGAIN_SECONDS:
                lost, asked_at = given_up(), time.monotonic()
            yield DeadLetter(self._place, self._channel.message_to_python(message), lost)

    def take_out(self, letters: Iterable[DeadLetter]) -> None:
        """Remove these from the queue, for good."""
        for number, letter in enumerate(letters, 1):
            self._stream.ack(letter.message)
            if number % ACKS_IN_FLIGHT == 0:
                self._await_acks()
        self._await_acks()

    def _await_acks(self) -> None:
        """A get is answered by the queue's leader, after all that it was told before."""
        self._stream.get()

    def close(self) -> None:
        """Give back what was not taken out. What was, is gone when this returns."""
        self._channel.close()


@contextmanager
def opened(connection: Connection, place: Place) -> Iterator[DeadLetterQueue]:
    queue = DeadLetterQueue(connection, place)
    try:
        yield queue
    finally:
        queue.close()


@contextmanager
def broker() -> Iterator[Connection]:
    """A connection of one's own, to no vhost of another installation's.

    Raises Unavailable when that is what it is, or when the broker is, or becomes, away.
    """
    bound_decompression()
    link = unopened()
    try:
        with link.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS, interval_start=0):
            look(link, known_identity())
            yield link
    except NotFound as error:
        raise Unavailable(
            f"{broker_address()} lacks a queue ({error}). Run `{conf.COMMAND} topology apply`."
        ) from error
    except OthersVhost as error:
        raise Unavailable(f"At {broker_address()} {first_line(error)}. To mend it, {remedy()}.") from error
    except (AccessRefused, NotAllowed) as error:
        raise Unavailable(str(explained(error))) from error
    except (AMQPError, OperationalError, ConnectionError, TimeoutError) as error:
        if is_of_tls(error):
            raise Unavailable(str(explained(error))) from error
        where = broker_address()
        raise Unavailable(
            f"RabbitMQ at {where.host}:{where.port} did not answer, or stopped to ({first_line(error)}). "
            "What was held is back in its queue. Start the broker or correct BROKER_URL, and run this again."
        ) from error
