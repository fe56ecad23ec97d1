"""Has the C client read deliveries: its connection leads to this process and not to a broker.

A connection of ``librabbitmq`` to a broker waits without a limit of time: to be opened, for an answer, for
the rest of a frame, for whatever comes after a heartbeat. As a reader of bytes that are whole it is right and
fast. So here it is greeted by a thread, which then stays to hang up on it.
"""

from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, create_server, socket
from struct import pack
from threading import Thread
from typing import Any

from amqp.serialization import dumps
from kombu.transport.base import Message as KombuMessage
from librabbitmq import Connection

from switchyard.broker.delivery_frames import LARGEST_BYTES, addressee
from switchyard.broker.transport import END

LOOPBACK = "127.0.0.1"

#: Class and method; AMQP 0-9-1, 1.4.
_START, _TUNE, _OPEN_OK, _CLOSE = (10, 10), (10, 30), (10, 41), (10, 50)


def _method(name: tuple[int, int], arguments: bytes) -> bytes:
    """A frame of channel 0."""
    content = pack(">HH", *name) + arguments
    return pack(">BHI", 1, 0, len(content)) + content + bytes([END])


#: What a broker says until a connection is open; all at once, as the C client takes it as it comes.
_GREETING = (
    _method(_START, pack(">BB", 0, 9) + dumps("FSS", ({}, "PLAIN", "en_US")))
    + _method(_TUNE, pack(">HIH", 1, 4 * LARGEST_BYTES, 0))
    + _method(_OPEN_OK, b"\0")
)
_FAREWELL = pack(">HH", *_CLOSE)


class _Counterpart(Thread):
    """Stands for the broker: says what opens a connection, and hangs up when the C client wants to leave.

    Else the C client waits for an answer to its farewell, which it says by itself to what it cannot read.
    """

    peer: socket

    def __init__(self, listener: socket) -> None:
        super().__init__(name="c-client", daemon=True)
        self._listener = listener

    def run(self) -> None:
        # Whatever fails here closes what the C client waits for.
        with suppress(OSError):
            with self._listener:
                self.peer, _ = self._listener.accept()
            with self.peer:
                self.peer.sendall(_GREETING)
                while (said := self.peer.recv(4096)) and _FAREWELL not in said:
                    pass


class Decoder(Connection):  # type: ignore[misc]
    """Makes messages of deliveries. Not to be used by two threads at once."""

    #: Which the C client asks for: by channel what a message is made with; by channel and tag who gets it.
    channels: dict[int, int]
    callbacks: dict[int, dict[str, Callable[[KombuMessage], None]]]

    def __init__(self) -> None:
        """Raises OSError, or the C client's ConnectionError."""
        self._decoded: list[KombuMessage] = []
        listener = create_server((LOOPBACK, 0))
        port = listener.getsockname()[1]
        self._counterpart = _Counterpart(listener)
        self._counterpart.start()
        super().__init__(LOOPBACK, port=port, channel_max=1)

    def decode(self, deliveries: list[bytes]) -> list[KombuMessage]:
        """The messages, in order; each one's ``channel`` is its channel's number.

        Raises what the C client raises. It is of no use then any more.
        """
        for delivery in deliveries:
            self._expect(*addressee(delivery))
        self._counterpart.peer.sendall(b"".join(deliveries))
        for _ in deliveries:
            self.drain_events()
        decoded, self._decoded = self._decoded, []
        return decoded

    def close(self) -> None:
        """Twice is harmless."""
        with suppress(OSError):
            self._counterpart.peer.shutdown(SHUT_RDWR)
        super().close()

    def Message(  # noqa: N802 - the C client calls it so
        self, channel: int, properties: dict[str, Any], delivery: dict[str, Any], body: memoryview
    ) -> KombuMessage:
        """As kombu makes it of py-amqp's."""
        properties["application_headers"] = headers = properties.pop("headers")
        return KombuMessage(
            _text(body.obj),
            delivery["delivery_tag"],
            properties["content_type"],
            properties["content_encoding"],
            delivery,
            properties,
            headers,
            channel=channel,
        )

    def _expect(self, channel: int, tag: bytes) -> None:
        """The C client takes nothing of a channel and for a consumer that it does not know."""
        if channel not in self.channels:
            self.channels[channel] = channel
            self.callbacks[channel] = {}
        if (name := tag.decode()) not in self.callbacks[channel]:
            self.callbacks[channel][name] = self._take

    def _take(self, message: KombuMessage) -> None:
        self._decoded.append(message)


def _text(body: Any) -> Any:
    """As py-amqp hands it out, for the encoding utf-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
