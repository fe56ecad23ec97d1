"""The worker's connection: frames by the many, however the network cuts them."""

import socket
from collections.abc import Iterator
from itertools import pairwise
from struct import pack

import pytest
from amqp.exceptions import UnexpectedFrame
from amqp.transport import TCPTransport
from hypothesis import given
from hypothesis import strategies as st

from switchyard.broker.frames import Frame
from switchyard.broker.transport import BatchingSocket, held_back

FRAMES = [(1, 1, b"deliver"), (2, 1, b""), (3, 1, b"\xce" * 300), (8, 0, b"")]


def as_sent(frames: list[Frame]) -> bytes:
    return b"".join(pack(">BHI", kind, channel, len(body)) + body + b"\xce" for kind, channel, body in frames)


class Pair:
    """Both ends of a connection that needs no broker."""

    def __init__(self, kind: type[TCPTransport]) -> None:
        self.ours = kind("localhost")
        self.ours.sock, self.theirs = socket.socketpair()
        self.ours._setup_transport()
        self.ours.connected = True
        self.theirs.setblocking(False)
        self.calls = 0
        receive, send = self.ours._quick_recv, self.ours._write
        self.ours._quick_recv = lambda size: self.count() or receive(size)
        self.ours._write = lambda data: self.count() or send(data)

    def count(self) -> None:
        self.calls += 1

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair(BatchingSocket)
    yield made
    made.close()


def test_one_call_reads_all_frames_that_are_there(pair: Pair) -> None:
    pair.theirs.sendall(as_sent(FRAMES * 50))
    pair.ours.receive()
    assert list(pair.ours.frames) == FRAMES * 50


def test_stock_reads_each_frame_by_three_calls_control() -> None:
    pair = Pair(TCPTransport)
    pair.theirs.sendall(as_sent(FRAMES))
    assert [pair.ours.read_frame() for _ in FRAMES] == FRAMES
    # A frame without content needs two.
    assert pair.calls == 3 * len(FRAMES) - 2
    pair.close()


@given(cuts=st.lists(st.integers(min_value=0, max_value=len(as_sent(FRAMES)))))
def test_frames_are_whole_and_in_order_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    pair, stream = Pair(BatchingSocket), as_sent(FRAMES)
    places = [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(places):
        pair.theirs.sendall(stream[start:end])
        pair.ours.receive()
    assert list(pair.ours.frames) == FRAMES
    pair.close()


def test_who_waits_for_an_answer_gets_the_frames_that_were_read_before_it(pair: Pair) -> None:
    stream = as_sent(FRAMES)
    pair.theirs.sendall(stream[:-5])
    pair.ours.receive()
    pair.theirs.sendall(stream[-5:])
    assert [pair.ours.read_frame() for _ in FRAMES] == FRAMES


def test_nothing_to_read_is_no_error(pair: Pair) -> None:
    pair.ours.receive()
    assert not pair.ours.frames
    assert pair.ours.connected


def test_a_broker_that_is_gone_is_a_lost_connection(pair: Pair) -> None:
    pair.theirs.close()
    with pytest.raises(OSError, match="closed connection"):
        pair.ours.receive()
    assert not pair.ours.connected


def test_a_frame_without_its_end_is_refused(pair: Pair) -> None:
    pair.theirs.sendall(pack(">BHI", 1, 1, 4) + b"body" + b"\x00" + as_sent(FRAMES))
    with pytest.raises(UnexpectedFrame, match="ends in 0x00 instead of 0xce"):
        pair.ours.receive()


def test_what_is_held_back_goes_out_by_one_call_and_in_order(pair: Pair) -> None:
    buffer = bytearray(2)
    with pair.ours.held_back():
        for number in range(50):
            buffer[:] = b"%02d" % number
            pair.ours.write(memoryview(buffer))
        with pytest.raises(BlockingIOError):
            pair.theirs.recv(1)
    assert pair.theirs.recv(1000) == b"".join(b"%02d" % number for number in range(50))
    assert pair.calls == 1


def test_a_question_inside_is_sent_before_its_answer_is_waited_for(pair: Pair) -> None:
    pair.theirs.sendall(as_sent(FRAMES))
    with pair.ours.held_back():
        pair.ours.write(b"question")
        pair.ours.read_frame()
        assert pair.theirs.recv(100) == b"question"
        pair.ours.write(b"more")
    assert pair.theirs.recv(100) == b"more"


def write_and_fail(pair: Pair) -> None:
    pair.ours.write(b"before")
    raise ZeroDivisionError


def test_an_error_inside_holds_nothing_back_afterwards(pair: Pair) -> None:
    with pytest.raises(ZeroDivisionError), pair.ours.held_back():
        write_and_fail(pair)
    pair.ours.write(b" after")
    assert pair.theirs.recv(100) == b"before after"


def test_a_send_that_fails_holds_nothing_back_afterwards(pair: Pair) -> None:
    send, pair.ours._write = pair.ours._write, broken
    with pytest.raises(TimeoutError), pair.ours.held_back():
        pair.ours.write(b"lost")
    pair.ours._write = send
    pair.ours.write(b"after")
    assert pair.theirs.recv(100) == b"after"


def broken(_: bytes) -> None:
    raise TimeoutError


def test_a_connection_that_was_closed_hands_out_nothing_more(pair: Pair) -> None:
    pair.theirs.sendall(as_sent(FRAMES))
    pair.ours.receive()
    assert pair.ours.frames
    pair.ours.close()
    assert not pair.ours.frames
    assert pair.ours.sock is None


def test_no_connection_holds_nothing_back() -> None:
    with held_back(None):
        pass
