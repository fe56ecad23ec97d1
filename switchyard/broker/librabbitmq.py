"""What ``librabbitmq://`` stands for here: py-amqp's connection, whose deliveries the C client reads.

For ``BROKER_READ_URL``: a worker reads by it, and writes by ``BROKER_URL``. All but the deliveries is
py-amqp's here as well: heartbeats, time-outs, the end of a consumer, a broker that is away.
``delivery_frames`` says which the C client gets; what it cannot read after all is read by py-amqp, from the
same bytes.
"""

from collections import deque
from struct import Struct
from typing import Any

import structlog
from amqp.exceptions import RecoverableConnectionError
from amqp.spec import Basic
from kombu.transport.base import Message
from kombu.transport.pyamqp import Channel

from switchyard.broker import transport
from switchyard.broker.decoder import Decoder
from switchyard.broker.delivery_frames import DELIVERY, LARGEST_BYTES, DeliverySocket, frames_of
from switchyard.broker.frames import Frame
from switchyard.broker.transport import END

#: A frame: kind, channel, size; class, method, delivery tag, multiple; end. AMQP 0-9-1, 1.8.3.13.
_ACK = Struct(">BHIHHQ?B")

log = structlog.get_logger("switchyard.tasks")


class ReadingChannel(Channel):
    def message_to_python(self, raw_message: Any) -> Any:
        """The C client's are kombu's already."""
        return raw_message if isinstance(raw_message, Message) else super().message_to_python(raw_message)

    def basic_ack(self, delivery_tag: int, multiple: bool = False, argsig: str = "Lb") -> None:
        """As py-amqp's, for a quarter of the time: the one method that is sent for each task."""
        if self.connection is None:
            raise RecoverableConnectionError("connection already closed")
        self.connection.transport.write(
            _ACK.pack(1, self.channel_id, 13, *Basic.Ack, delivery_tag, multiple, END)
        )
        self.connection.bytes_sent += 1


class Connection(transport.Connection):
    """Hands deliveries to the C client, and all else to py-amqp, in the order in which they came."""

    Socket = DeliverySocket
    Channel = ReadingChannel

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        #: Made for the first delivery: an attempt to connect to a broker that refuses it gets none.
        self.decoder: Decoder | None = None
        #: Until it fails once.
        self.reads_by_c = True
        #: Read, and not handled yet: a handler that raises leaves the rest for the next turn of the loop.
        self.messages: deque[Message] = deque()

    def handle_received(self) -> None:
        frames = self.transport.frames
        while self.messages or frames:
            if self.messages:
                self._handle(self.messages.popleft())
            elif frames[0][0] == DELIVERY:
                self._decode(_next_deliveries(frames))
            else:
                self.on_inbound_frame(frames.popleft())

    def collect(self) -> None:
        self.messages.clear()
        self._end_decoder()
        super().collect()

    def _decode(self, deliveries: list[bytes]) -> None:
        if self.reads_by_c:
            try:
                self.messages.extend(self._read_by_c(deliveries))
            except Exception as error:  # noqa: BLE001 - whatever it fails over, py-amqp reads it too
                log.warning("c_client_left", error=str(error))
                self.reads_by_c = False
                self._end_decoder()
            else:
                # py-amqp takes each frame that comes for a sign of life.
                self.bytes_recv += len(deliveries)
                return
        frames = [frame for delivery in deliveries for frame in frames_of(delivery)]
        self.transport.frames.extendleft(reversed(frames))

    def _read_by_c(self, deliveries: list[bytes]) -> list[Message]:
        if self.decoder is None:
            self.decoder = Decoder()
        return self.decoder.decode(deliveries)

    def _end_decoder(self) -> None:
        if self.decoder:
            self.decoder.close()
            self.decoder = None

    def _handle(self, message: Message) -> None:
        number: Any = message.channel
        channel = (self.channels or {}).get(number)
        if channel is not None and not channel.is_closing:
            found = message.delivery_info
            channel._on_basic_deliver(  # noqa: SLF001 - what py-amqp calls for each of its own
                found["consumer_tag"],
                found["delivery_tag"],
                found["redelivered"],
                found["exchange"],
                found["routing_key"],
                message,
            )


class Transport(transport.Transport):
    Connection = Connection


def _next_deliveries(frames: deque[Frame]) -> list[bytes]:
    """Taken from the front, as many as the C client may be given at once."""
    found: list[bytes] = []
    size = 0
    while frames and frames[0][0] == DELIVERY and (not found or size + len(frames[0][2]) <= LARGEST_BYTES):
        found.append(frames.popleft()[2])
        size += len(found[-1])
    return found
