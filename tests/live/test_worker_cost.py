"""What a task costs its worker, in what can be counted: calls to the system, on a real broker."""

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


@pytest.fixture
def connection(yard: Processes, vhost: Vhost) -> Any:
    """To the run's broker, with COUNT messages in the queue."""
    with app.connection_for_read() as made:
        for number in range(COUNT):
            app.tasks["gallery.io_wait"].delay(str(number))
        yield made


def ready(connection: Connection) -> int:
    with connection.channel() as channel:
        return int(channel.queue_declare(IO.name, passive=True).message_count)


@pytest.mark.django_db(transaction=True)
def test_one_read_takes_in_all_messages_that_have_arrived(connection: Connection) -> None:
    found: list[Any] = []
    channel = connection.channel()
    channel.basic_consume(IO.name, callback=found.append, no_ack=True)
    with app.connection_for_read() as other:
        eventually(lambda: ready(other) == 0, what="all messages on their way")
    socket = connection.connection.transport
    sizes: list[int] = []
    real = socket.sock
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
