"""What a task costs its worker, in what can be counted: calls to the system, on a real broker."""

from socket import MSG_PEEK
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection

from app.celery import app
from app.queues import IO
from switchyard.broker.transport import held_back
from tests.live.broker import Vhost
from tests.live.processes import Processes, eventually

COUNT = 50
#: Basic.Deliver, of which each message has one.
DELIVER = b"\0\x3c\0\x3c"


@pytest.fixture
def connection(yard: Processes, vhost: Vhost) -> Any:
    """To the run's broker, with COUNT messages in the queue."""
    with app.connection_for_read() as made:
        for number in range(COUNT):
            app.tasks["gallery.io_wait"].delay(str(number))
        yield made


def waiting(socket: Any) -> bytes:
    """What has arrived and nobody has read."""
    return bytes(socket.recv(1 << 20, MSG_PEEK))


@pytest.mark.django_db(transaction=True)
def test_one_read_takes_in_all_messages_that_have_arrived(connection: Connection) -> None:
    found: list[Any] = []
    channel = connection.channel()
    channel.basic_consume(IO.name, callback=found.append, no_ack=True)
    socket = connection.connection.transport
    sizes: list[int] = []
    real = socket.sock
    eventually(lambda: waiting(real).count(DELIVER) == COUNT, what="all messages in the socket")
    socket.sock = SimpleNamespace(recv=lambda *args: _noted(sizes, real.recv(*args)))
    connection.transport.on_readable(connection.connection, loop=None)
    socket.sock = real
    assert len(sizes) == 1
    assert len(found) == COUNT


@pytest.mark.django_db(transaction=True)
def test_the_acknowledgements_of_one_turn_are_one_write(connection: Connection) -> None:
    channel = connection.channel()
    messages = [channel.message_to_python(channel.basic_get(IO.name)) for _ in range(COUNT)]
    socket = connection.connection.transport
    sizes: list[int] = []
    send = socket._write
    socket._write = lambda data: send(_noted(sizes, data))
    with held_back(connection):
        for message in messages:
            message.ack()
    # A Basic.Ack is a frame of 21 bytes.
    assert sizes == [COUNT * 21]
    assert all(message.acknowledged for message in messages)


def _noted(sizes: list[int], data: bytes) -> bytes:
    sizes.append(len(data))
    return data
