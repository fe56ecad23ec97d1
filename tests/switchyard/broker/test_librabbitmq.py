"""A connection that the C client reads for hands out what py-amqp's does, in the same order."""

from collections.abc import Iterator
from itertools import pairwise
from struct import pack
from typing import Any

import pytest
from amqp.exceptions import RecoverableConnectionError
from amqp.method_framing import frame_writer
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from kombu.transport.base import Message
from kombu.transport.pyamqp import Channel
from kombu.transport.pyamqp import Message as ByPyAMQP
from librabbitmq import ChannelError
from librabbitmq import ConnectionError as CConnectionError
from structlog.testing import capture_logs

from switchyard.broker import librabbitmq, transport
from switchyard.broker.delivery_frames import LARGEST_BYTES, DeliverySocket
from switchyard.broker.frames import forgiving_frame_handler
from tests.switchyard.broker.test_decoder import HEARTBEAT, UNREADABLE, container, delivery, entry, text
from tests.switchyard.broker.test_transport import Pair


class Link:
    """A connection that needs no broker, with a channel and a consumer that keeps what it gets."""

    def __init__(self, made: type[transport.Connection], channel: type[Channel]) -> None:
        self.connection = made("localhost", frame_handler=forgiving_frame_handler)
        pair = Pair(self.connection.Socket)
        self.socket, self.broker = pair.ours, pair.theirs
        self.broker.setblocking(True)
        self.connection._transport = self.socket
        self.connection.on_inbound_frame = forgiving_frame_handler(
            self.connection, self.connection.on_inbound_method
        )
        self.connection.frame_writer = frame_writer(self.connection, self.socket)
        self.channel = channel(self.connection, 1)
        self.connection.channels[1] = self.channel
        self.channel.callbacks["None1"] = self.take
        self.taken: list[Any] = []
        self.fails_at: int | None = None

    def take(self, raw: Any) -> None:
        message = self.channel.message_to_python(raw)
        self.taken.append(message)
        if message.delivery_tag == self.fails_at:
            raise ZeroDivisionError

    def read(self, sent: bytes) -> None:
        self.broker.sendall(sent)
        # Once for what a turn of the loop leaves in the socket.
        for _ in range(1 + len(sent) // transport.READ_BYTES):
            self.socket.receive()
            self.connection.handle_received()

    def close(self) -> None:
        self.connection.collect()
        self.broker.close()


@pytest.fixture
def link() -> Iterator[Link]:
    made = Link(librabbitmq.Connection, librabbitmq.ReadingChannel)
    yield made
    made.close()


def seen(messages: list[Any]) -> list[Any]:
    return [(each.delivery_info, each.headers, each.properties, each.body) for each in messages]


SENT = st.lists(
    st.one_of(
        st.just(HEARTBEAT),
        st.sampled_from([*UNREADABLE.values()]).filter(lambda sent: b"Z" not in sent),
        st.builds(
            delivery,
            st.sampled_from(
                [
                    b"",
                    entry(b"id", text("a" * 36)),
                    entry(b"argsrepr", text("é" * 300)),
                    entry(b"timelimit", container(b"A", b"VV")),
                ]
            ),
            st.sampled_from([b"[]", b"[" + b"1" * 5000 + b"]", b"\xff"]),
            tag=st.integers(1, 2**40),
        ),
    ),
    max_size=8,
)


@hypothesis(max_examples=60)
@given(sent=SENT, cuts=st.lists(st.integers(0, 4000), max_size=5))
def test_whatever_comes_and_wherever_it_is_cut_the_messages_are_pyamqps(
    sent: list[bytes], cuts: list[int]
) -> None:
    sent = [each for each in sent if each not in BROKEN]
    stream = b"".join(sent)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    links = [Link(librabbitmq.Connection, librabbitmq.ReadingChannel), Link(transport.Connection, Channel)]
    for start, end in pairwise(places):
        for each in links:
            each.read(stream[start:end])
    ours, theirs = links
    assert seen(ours.taken) == seen(theirs.taken)
    assert ours.connection.bytes_recv or not sent
    assert ours.connection.reads_by_c
    for each in links:
        each.close()


#: What neither can read: no broker sends them.
BROKEN = [
    UNREADABLE[name]
    for name in ("a type that nobody knows", "a table that ends too soon", "flags without end", "no body")
]


def test_the_c_client_reads_what_is_celerys(link: Link) -> None:
    link.read(delivery(entry(b"id", text("a" * 36))) * 3 + UNREADABLE["a date"])
    assert [type(message) for message in link.taken] == [Message] * 3 + [ByPyAMQP]


def test_more_than_the_c_client_is_given_at_once_comes_in_order(link: Link) -> None:
    count = 5 * LARGEST_BYTES // 3000
    link.read(b"".join(delivery(b"", b"1" * 3000, tag=tag) for tag in range(count)))
    assert [message.delivery_tag for message in link.taken] == list(range(count))
    # What is cut where a read ends is py-amqp's.
    reads = 1 + count * 3200 // transport.READ_BYTES
    assert sum(type(message) is Message for message in link.taken) >= count - reads


def test_who_waits_for_an_answer_gets_the_frames_of_a_delivery(link: Link) -> None:
    link.broker.sendall(delivery(b"") + HEARTBEAT)
    link.socket.receive()
    assert [link.socket.read_frame()[0] for _ in range(4)] == [1, 2, 3, 8]


def test_a_handler_that_raises_leaves_the_rest_for_the_next_turn(link: Link) -> None:
    link.fails_at = 2
    with pytest.raises(ZeroDivisionError):
        link.read(b"".join(delivery(b"", tag=tag) for tag in (1, 2, 3)))
    link.connection.handle_received()
    assert [message.delivery_tag for message in link.taken] == [1, 2, 3]


def test_a_message_for_a_consumer_that_is_gone_is_given_back(link: Link) -> None:
    link.channel.callbacks.clear()
    link.read(delivery(b"", tag=7))
    assert link.broker.recv(100) == pack(">BHIHHQ?B", 1, 1, 13, 60, 90, 7, True, 0xCE)


def test_a_channel_that_is_being_closed_gets_nothing_more(link: Link) -> None:
    link.channel.is_closing = True
    link.read(delivery(b""))
    assert not link.taken


def test_an_acknowledgement_is_the_frame_that_pyamqp_writes(link: Link) -> None:
    sent = link.connection.bytes_sent
    for multiple in (False, True):
        link.channel.basic_ack(2**40, multiple)
        ours = link.broker.recv(100)
        Channel.basic_ack(link.channel, 2**40, multiple)
        assert ours == link.broker.recv(100)
    # Each is a sign of life to the broker.
    assert link.connection.bytes_sent == sent + 4


def test_an_acknowledgement_after_the_connection_is_lost_says_so(link: Link) -> None:
    link.connection.collect()
    with pytest.raises(RecoverableConnectionError, match="already closed"):
        link.channel.basic_ack(1)


@pytest.mark.parametrize("error", [CConnectionError, ChannelError, OSError, SystemError])
@pytest.mark.parametrize("what", ["decode", "__init__"])
def test_what_the_c_client_fails_over_is_read_by_pyamqp_and_said_once(
    link: Link, monkeypatch: Any, what: str, error: type[Exception]
) -> None:
    def fail(*_: Any) -> None:
        raise error("Bad frame read")

    monkeypatch.setattr(librabbitmq.Decoder, what, fail)
    with capture_logs() as lines:
        link.read(b"".join(delivery(entry(b"id", text(str(tag))), tag=tag) for tag in range(5)))
        link.read(delivery(b"", tag=5))
    assert [message.delivery_tag for message in link.taken] == list(range(6))
    assert [(line["event"], line["error"]) for line in lines] == [("c_client_left", "Bad frame read")]


def test_a_lost_connection_ends_the_c_clients(link: Link) -> None:
    link.read(delivery(b""))
    counterpart = link.connection.decoder._counterpart
    link.connection.collect()
    counterpart.join(30)
    assert not counterpart.is_alive()


def test_a_connection_that_gets_no_delivery_has_no_c_client(link: Link) -> None:
    """A broker that is away, or refuses the password, is tried again and again."""
    link.read(HEARTBEAT)
    assert link.connection.decoder is None


def test_it_is_the_socket_of_the_c_client_only_without_tls() -> None:
    assert librabbitmq.Transport.Connection.Socket is DeliverySocket
    assert transport.Transport.Connection.Socket is transport.BatchingSocket
