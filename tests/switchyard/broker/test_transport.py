"""The worker's connection: frames by the many, however the network cuts them."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, pairwise
from pathlib import Path
from select import select
from struct import pack
from threading import Thread

import pytest
from amqp.exceptions import UnexpectedFrame
from amqp.method_framing import frame_handler
from amqp.transport import TCPTransport
from hypothesis import given, settings
from hypothesis import strategies as st
from kombu.asynchronous import Hub
from kombu.asynchronous.timer import Timer

from switchyard.broker.frames import Frame
from switchyard.broker.transport import READ_BYTES, BatchingSocket, Connection, Transport, held_back

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


def test_a_block_inside_another_loses_nothing_and_sends_at_the_end_of_the_outer(pair: Pair) -> None:
    with pair.ours.held_back():
        pair.ours.write(b"one")
        with pair.ours.held_back():
            pair.ours.write(b" two")
        pair.ours.write(b" three")
        with pytest.raises(BlockingIOError):
            pair.theirs.recv(1)
    assert pair.theirs.recv(100) == b"one two three"
    assert pair.calls == 1


frames = st.tuples(
    st.sampled_from([1, 2, 3, 8]),
    st.integers(0, 2**16 - 1),
    st.one_of(
        st.binary(max_size=20),
        # Around what is taken from the socket at once, and full of what looks like an end.
        st.integers(READ_BYTES - 10, READ_BYTES + 10).map(lambda size: b"\xce" * size),
    ),
)


def read_by_both(stream: bytes, cuts: list[int], turns: list[str]) -> tuple[list[Frame], list[Frame]]:
    """What py-amqp's reader makes of the stream, and what ours does, which is called in turns as a loop that
    waits for an answer now and then would call it.
    """
    theirs, ours = Pair(TCPTransport), Pair(BatchingSocket)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    read: dict[Pair, list[Frame]] = {theirs: [], ours: []}
    for (start, end), turn in zip(pairwise(places), cycle(turns), strict=False):
        for pair in (theirs, ours):
            pair.theirs.setblocking(True)
            sender = Thread(target=pair.theirs.sendall, args=(stream[start:end],))
            sender.start()
            while sender.is_alive() or pair.ours.sock in select([pair.ours.sock], [], [], 0)[0]:
                take(pair, "wait" if pair is theirs else turn, read[pair])
            sender.join()
    for pair in (theirs, ours):
        take(pair, "wait", read[pair])
        pair.close()
    return read[theirs], read[ours]


def take(pair: Pair, turn: str, read: list[Frame]) -> None:
    if turn == "loop":
        pair.ours.receive()
        while pair.ours.frames:
            read.append(pair.ours.frames.popleft())
        return
    with suppress(TimeoutError), pair.ours.having_timeout(0.001):
        while True:
            read.append(pair.ours.read_frame())


@settings(max_examples=50)
@given(
    sent=st.lists(frames, max_size=6),
    cuts=st.lists(st.one_of(st.integers(0, 60), st.integers(0, 3 * READ_BYTES)), max_size=6),
    turns=st.lists(st.sampled_from(["loop", "wait"]), min_size=1, max_size=4),
)
def test_the_loop_and_who_waits_read_what_pyamqp_reads(
    sent: list[Frame], cuts: list[int], turns: list[str]
) -> None:
    stock, ours = read_by_both(as_sent(sent), cuts, turns)
    assert stock == ours == sent


@given(
    sent=st.lists(frames, min_size=1, max_size=3), end=st.integers(0, 255).filter(lambda byte: byte != 0xCE)
)
def test_what_stands_before_a_frame_without_its_end_is_read_and_no_more(sent: list[Frame], end: int) -> None:
    pair, broken = Pair(BatchingSocket), as_sent(sent)[:-1] + bytes([end])
    read: list[Frame] = []
    sender = Thread(target=pair.theirs.sendall, args=(broken,))
    pair.theirs.setblocking(True)
    sender.start()
    with pytest.raises(UnexpectedFrame):
        read_on(pair, read)
    sender.join()
    assert read + list(pair.ours.frames) == sent[:-1]
    pair.close()


def read_on(pair: Pair, read: list[Frame]) -> None:
    while True:
        take(pair, "loop", read)


@given(stream=st.binary(min_size=1, max_size=30))
def test_a_connection_that_ends_within_a_frame_is_lost(stream: bytes) -> None:
    pair = Pair(BatchingSocket)
    pair.theirs.sendall(as_sent(FRAMES) + b"\x01\x00\x01\x00\x00\x01\x00" + stream)
    pair.theirs.close()
    pair.ours.receive()
    assert list(pair.ours.frames) == FRAMES
    with pytest.raises(OSError, match="closed connection"):
        pair.ours.receive()
    assert not pair.ours.connected
    pair.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    made = tmp_path / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj=/CN=server"]
    printed = subprocess.run([*command, "-keyout", "-", "-out", "-"], check=True, capture_output=True)
    made.write_bytes(printed.stdout)
    return made


@pytest.mark.parametrize("tls", [False, True])
def test_the_event_loop_reads_with_and_without_tls(tls: bool, certificate: Path) -> None:
    """``pyamqp://`` with ``broker_use_ssl`` is TLS on this transport; ``amqps://`` has one of kombu's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ours, theirs = socket.socketpair()
    connection = Connection("localhost", ssl=tls)
    connection.transport = connection.Transport(
        "localhost", 3, ssl={"cert_reqs": ssl.CERT_NONE} if tls else False
    )
    connection.transport.sock = ours
    shaken = Thread(target=connection.transport._setup_transport)
    shaken.start()
    if tls:
        theirs = context.wrap_socket(theirs, server_side=True)
    shaken.join()
    connection.transport.connected = True
    connection.on_inbound_frame = frame_handler(connection, lambda *_: None)
    theirs.sendall(as_sent([(8, 0, b"")] * 3))
    loop = Hub(timer=Timer())
    Transport(None).register_with_event_loop(connection, loop)
    while connection.bytes_recv < 3:
        loop.run_once()
    loop.close()
    connection.transport.close()
    theirs.close()
