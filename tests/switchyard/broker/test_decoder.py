"""What the C client reads is what py-amqp reads, and what it cannot read it does not get."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from socket import SHUT_RDWR
from struct import pack
from threading import Thread
from typing import Any

import pytest
from amqp import spec
from amqp.basic_message import Message
from hypothesis import given
from hypothesis import strategies as st
from kombu.transport.pyamqp import Message as KombuMessage

from switchyard.broker.decoder import Decoder
from switchyard.broker.delivery_frames import DELIVERY, LARGEST_BYTES, DeliverySocket, frames_of
from tests.switchyard.broker.test_frames import is_text
from tests.switchyard.broker.test_transport import as_sent

HEARTBEAT = as_sent([(8, 0, b"")])
CONTENT = b"\x10application/json\x05utf-8"


def shortstr(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def entry(name: bytes, value: bytes) -> bytes:
    """Of a table: the value begins with its type."""
    return shortstr(name) + value


def text(value: str | bytes) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return b"S" + pack(">I", len(value)) + value


def container(kind: bytes, content: bytes) -> bytes:
    return kind + pack(">I", len(content)) + content


def delivery(
    table: bytes,
    body: bytes = b"[]",
    *,
    flags: int = 0xE000,
    others: bytes = b"",
    key: bytes = b"io",
    tag: int = 1,
    content: bytes = CONTENT,
) -> bytes:
    method = (
        pack(">HH", *spec.Basic.Deliver) + shortstr(b"None1") + pack(">Q?", tag, True) + shortstr(b"tasks")
    )
    header = pack(">HHQH", 60, 0, len(body), flags) + content + pack(">I", len(table)) + table + others
    return as_sent([(1, 1, method + shortstr(key)), (2, 1, header), (3, 1, body)])


def taken(received: bytes) -> list[Any]:
    """What the socket makes of the bytes."""
    socket = DeliverySocket("localhost")
    assert socket._split(received) == b""
    return list(socket.frames)


def for_c(received: bytes) -> bool:
    return taken(received)[0][0] == DELIVERY


def read_by_pyamqp(received: bytes) -> KombuMessage:
    (_, _, method), (_, _, header), (_, _, body) = frames_of(received)
    message = Message(frame_method=spec.Basic.Deliver, frame_args=method)
    message.inbound_header(header)
    message.inbound_body(body)
    size = method[4]
    message.delivery_info = {
        "consumer_tag": method[5 : 5 + size].decode(),
        "delivery_tag": int.from_bytes(method[5 + size : 13 + size]),
        "redelivered": bool(method[13 + size]),
        "exchange": "tasks",
        "routing_key": method[21 + size :].decode(),
    }
    message.body = message.body.decode() if isinstance(message.body, bytes) else message.body
    return KombuMessage(message, channel=1)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    made = Decoder()
    yield made
    made.close()


plain_values = st.one_of(
    st.text(max_size=40).map(text),
    # Around the size from which its length is no ASCII any more.
    st.integers(100, 700).map(lambda size: text("é" * (size // 2))),
    st.just(b"V"),
    st.booleans().map(lambda value: b"t" + bytes([value])),
    st.integers(-(2**7), 2**7 - 1).map(lambda value: b"b" + pack(">b", value)),
    st.integers(0, 2**8 - 1).map(lambda value: b"B" + pack(">B", value)),
    st.integers(-(2**15), 2**15 - 1).map(lambda value: b"s" + pack(">h", value)),
    st.integers(0, 2**16 - 1).map(lambda value: b"u" + pack(">H", value)),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: b"I" + pack(">i", value)),
    st.integers(0, 2**32 - 1).map(lambda value: b"i" + pack(">I", value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: b"l" + pack(">q", value)),
    st.floats(width=32, allow_nan=False).map(lambda value: b"f" + pack(">f", value)),
    st.floats(allow_nan=False).map(lambda value: b"d" + pack(">d", value)),
)
others_values = st.one_of(
    st.binary(max_size=40).map(text),
    st.binary(max_size=9).map(lambda value: b"x" + pack(">I", len(value)) + value),
    st.integers(0, 2**40).map(lambda value: b"T" + pack(">Q", value)),
    st.tuples(st.integers(0, 28), st.integers(-(2**31), 2**31 - 1)).map(
        lambda pair: b"D" + pack(">Bi", *pair)
    ),
)
names = st.one_of(
    st.text("abcTDx-_é", max_size=20).map(str.encode), st.binary(max_size=8), st.just(b"argsrepr")
)


def tables(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.dictionaries(names, values, max_size=8).map(
        lambda found: b"".join(entry(name, value) for name, value in found.items())
    )


values = st.recursive(
    st.one_of(plain_values, others_values),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: container(b"A", b"".join(found))),
        tables(inner).map(lambda content: container(b"F", content)),
    ),
    max_leaves=12,
)


@given(table=tables(values), body=st.binary(min_size=1, max_size=80), tag=st.integers(1, 2**63 - 1))
def test_what_the_c_client_gets_it_reads_as_pyamqp_does(
    decoder: Decoder, table: bytes, body: bytes, tag: int
) -> None:
    received = delivery(table, body, tag=tag)
    if not for_c(received):
        return
    [ours] = decoder.decode([received])
    theirs = read_by_pyamqp(received) if is_text(body) else None
    if theirs:
        assert (ours.body, ours.properties) == (theirs.body, theirs.properties)
        assert (ours.headers, ours.delivery_info) == (theirs.headers, theirs.delivery_info)
        assert (ours.content_type, ours.content_encoding) == (theirs.content_type, theirs.content_encoding)
        assert (ours.delivery_tag, ours.channel) == (theirs.delivery_tag, theirs.channel)
    else:
        assert ours.body == body


@given(
    table=st.dictionaries(
        st.text("abcTDx-_", min_size=1, max_size=20).map(str.encode), plain_values, max_size=8
    ).map(lambda found: b"".join(entry(name, value) for name, value in found.items()))
)
def test_the_c_client_gets_all_that_celery_and_the_broker_write(table: bytes) -> None:
    assert for_c(delivery(table))


def in_two_frames(received: bytes) -> bytes:
    """The same, with its body in two frames."""
    *head, (kind, channel, body) = frames_of(received)
    return as_sent([*head, (kind, channel, body[:5]), (kind, channel, body[5:])])


UNREADABLE = {
    "a body in two frames": in_two_frames(delivery(b"", body=b"[1, 2, 3]")),
    "a name that is no UTF-8": delivery(entry(b"\xff", b"V")),
    "a name that is no ASCII": delivery(entry("é".encode(), b"V")),
    "a text that is no UTF-8": delivery(entry(b"a", text(b"\xff"))),
    "a long text that is no UTF-8": delivery(entry(b"a", text(b"\xff" * 200))),
    "a text in a list that is no UTF-8": delivery(entry(b"a", container(b"A", text(b"\xff")))),
    "a date": delivery(entry(b"a", b"T" + pack(">Q", 1_700_000_000))),
    "a date of ASCII": delivery(entry(b"a", b"T" + pack(">Q", 0x01020304))),
    "bytes": delivery(entry(b"a", b"x" + pack(">I", 2) + b"ab")),
    "a decimal": delivery(entry(b"a", b"D" + pack(">Bi", 2, 314))),
    "a date in a table": delivery(entry(b"a", container(b"F", entry(b"b", b"T" + pack(">Q", 1))))),
    "a date beside a long text": delivery(entry(b"a", text("a" * 200)) + entry(b"b", b"T" + pack(">Q", 1))),
    "a type that nobody knows": delivery(entry(b"a", text("a" * 200)) + entry(b"b", b"Z")),
    "a table that ends too soon": delivery(entry(b"a", text("a" * 200))[:-1]),
    "a time": delivery(b"", flags=0xE040, others=pack(">Q", 0x01020304)),
    "another id that is no UTF-8": delivery(b"", flags=0xE080, others=shortstr(b"\xff")),
    "no headers": delivery(b"", flags=0xC000),
    "no content type": delivery(b"", flags=0x6000, content=b"\x05utf-8"),
    "another content type": delivery(b"", content=b"\x0aapplication\x05utf-8"),
    "flags without end": delivery(b"", flags=0xE001),
    "a routing key that is no UTF-8": delivery(b"", key=b"\xff"),
    "no body": delivery(b"", body=b"")[:-8],
    "a large body": delivery(b"", body=b"1" * LARGEST_BYTES),
}


@pytest.mark.parametrize("received", UNREADABLE.values(), ids=UNREADABLE)
def test_what_the_c_client_cannot_read_is_pyamqps(received: bytes) -> None:
    assert not for_c(received)


def test_tables_in_tables_are_pyamqps() -> None:
    """Each level is a call in a call of the C client's. The sizes of so many cannot all be ASCII."""
    table = b""
    while len(table) < LARGEST_BYTES - 200:
        table = entry(b"a", container(b"F", table))
    assert not for_c(delivery(table))


def test_the_largest_number_of_tables_in_tables_that_it_gets_is_read(decoder: Decoder) -> None:
    table, deepest = b"", 0
    while len(table) < LARGEST_BYTES - 200:
        size = pack(">I", len(table))
        if not size.isascii():
            # Filled up until it is.
            table = entry(b"p", text("p" * 100)) + table
            continue
        table, deepest = entry(b"a", container(b"F", table)), deepest + 1
    received = delivery(table)
    assert deepest > 500
    if for_c(received):
        [message] = decoder.decode([received])
        assert message.headers["a"]


DIES = """
import sys
from switchyard.broker.decoder import Decoder
Decoder().decode([bytes.fromhex(sys.argv[1])])
"""


def test_the_c_client_by_itself_ends_its_process_over_a_name_control() -> None:
    received = UNREADABLE["a name that is no UTF-8"]
    ended = subprocess.run([sys.executable, "-c", DIES, received.hex()], check=False, timeout=60)
    assert ended.returncode == -signal.SIGSEGV


def test_the_c_client_by_itself_makes_none_of_a_date_control(decoder: Decoder) -> None:
    [message] = decoder.decode([UNREADABLE["a date"]])
    assert message.headers == {"a": None}


@pytest.mark.parametrize("sent", [delivery(b"")[:-20], HEARTBEAT])
def test_the_c_client_by_itself_waits_for_the_rest_of_a_frame_and_behind_a_heartbeat_control(
    sent: bytes,
) -> None:
    decoder = Decoder()
    decoder._counterpart.peer.sendall(sent)
    reader = Thread(target=_read, args=(decoder,))
    reader.start()
    reader.join(1)
    waits = reader.is_alive()
    decoder._counterpart.peer.shutdown(SHUT_RDWR)
    reader.join(30)
    assert waits
    assert not reader.is_alive()
    decoder.close()


def _read(decoder: Decoder) -> None:
    with suppress(Exception):
        decoder.drain_events()


def test_what_it_cannot_read_after_all_is_an_error_and_not_a_wait() -> None:
    decoder = Decoder()
    with pytest.raises(Exception, match=r"(?i)frame|closed|connection"):
        decoder.decode([UNREADABLE["a type that nobody knows"]])
    decoder.close()
    decoder.close()
