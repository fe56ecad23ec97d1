"""What the broker passes on of others reaches the reader, whatever it is made of, and each message once."""

from struct import pack
from typing import Any

import pytest
from amqp import spec
from amqp.serialization import loads
from hypothesis import given
from hypothesis import strategies as st

from switchyard.broker.frames import forgiving_frame_handler

texts = st.one_of(
    st.binary(max_size=30), st.text(max_size=7).map(lambda text: text.encode("utf-8", "surrogatepass"))
)


class Connection:
    """What py-amqp's frame handler asks of one."""

    bytes_recv = 0


def delivered(tag: int, *names: bytes) -> list[tuple[int, int, bytes]]:
    """The two frames of a message without a body: consumer tag, exchange and routing key are bytes."""
    consumer, exchange, routing_key = (bytes([len(name)]) + name for name in names)
    method = pack(">HH", *spec.Basic.Deliver) + consumer + pack(">QB", tag, 0) + exchange + routing_key
    return [(1, 1, method), (2, 1, pack(">HHQH", spec.Basic.CLASS_ID, 0, 0, 0))]


@given(tag=st.integers(0, 2**64 - 1), consumer=texts, exchange=texts, routing_key=texts)
def test_any_address_arrives_as_text_and_one_that_is_text_as_it_was(
    tag: int, consumer: bytes, exchange: bytes, routing_key: bytes
) -> None:
    seen: list[tuple[Any, ...]] = []

    def callback(_channel: int, _method: Any, arguments: bytes, _content: Any) -> None:
        seen.append(spec_loads(arguments))

    read = forgiving_frame_handler(Connection(), callback)
    for frame in delivered(tag, consumer, exchange, routing_key):
        read(frame)
    [(got_consumer, got_tag, got_exchange, got_key)] = seen
    assert got_tag == tag
    if all(map(is_text, (consumer, exchange, routing_key))):
        assert (got_consumer, got_exchange, got_key) == (
            consumer.decode(),
            exchange.decode(),
            routing_key.decode(),
        )


@pytest.mark.parametrize("tag", [1, 200, 2**63])
def test_a_reader_that_fails_over_a_text_of_its_own_is_not_called_again(tag: int) -> None:
    calls = 0

    def callback(*_: Any) -> None:
        nonlocal calls
        calls += 1
        b"\xff".decode()

    read = forgiving_frame_handler(Connection(), callback)
    method, header = delivered(tag, b"me", b"tasks", "clé".encode())
    read(method)
    with pytest.raises(UnicodeDecodeError):
        read(header)
    assert calls == 1


def is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def spec_loads(arguments: bytes) -> tuple[Any, ...]:
    """As py-amqp's channel reads them; the redelivered flag is left out."""
    (consumer, tag, _, exchange, routing_key), _ = loads("sLbss", arguments, 4)
    return consumer, tag, exchange, routing_key
