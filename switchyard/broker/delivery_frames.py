"""Finds, among the bytes that a broker has sent, deliveries that the C client reads as py-amqp does.

A delivery is the method Basic.Deliver, the header with the properties, and the body, each a frame or, of the
body, several (AMQP 0-9-1, 4.2.6). The C client gets what Celery sends, when it is whole and not large; the
rest, whatever it is, is py-amqp's.
"""

from struct import unpack_from

from amqp import spec

from switchyard.broker.c_readable import is_readable
from switchyard.broker.frames import Frame
from switchyard.broker.transport import END, HEADER_BYTES, BatchingSocket, frame_at

#: What is larger is py-amqp's: its share of the cost is small there, and the C client would have to be fed
#: by another thread.
LARGEST_BYTES = 32 * 1024
#: The kind, which AMQP does not have, of a "frame" whose content is a delivery: its frames as they came.
DELIVERY = 0

_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = spec.Basic.Deliver[0].to_bytes(2) + spec.Basic.Deliver[1].to_bytes(2)
#: The first properties of a message of Celery's, and the flags that say so: these two and headers, no date,
#: and no further flags (AMQP 0-9-1, 4.2.6.1).
_CELERYS = b"\x10application/json\x05utf-8"
_FLAGS, _HAS = 0xE041, 0xE000


class DeliverySocket(BatchingSocket):
    """Keeps the bytes of the deliveries that the C client can read, and of all else the frames."""

    def read_frame(self, *args: object, **options: object) -> Frame:
        """For who waits for an answer: each frame, as it came."""
        if self.frames and self.frames[0][0] == DELIVERY:
            self.frames.extendleft(reversed(frames_of(self.frames.popleft()[2])))
        return super().read_frame(*args, **options)

    def _take(self, received: bytes, start: int) -> int:
        if end := _end_of_delivery(received, start):
            self.frames.append((DELIVERY, 0, received[start:end]))
            return end
        return super()._take(received, start)


def frames_of(delivery: bytes) -> list[Frame]:
    """A delivery's three frames: kind, channel and content."""
    found: list[Frame] = []
    start = 0
    while True:
        frame, start = frame_at(delivery, start)
        if frame is None:
            return found
        found.append(frame)


def addressee(delivery: bytes) -> tuple[int, bytes]:
    """Its channel and its consumer's tag."""
    at = HEADER_BYTES + len(_DELIVER)
    return int.from_bytes(delivery[1:3]), delivery[at + 1 : at + 1 + delivery[at]]


def _end_of_delivery(received: bytes, start: int) -> int:
    """Where the delivery ends that begins here; 0 if there is none, or none for the C client."""
    if not received.startswith(_DELIVER, start + HEADER_BYTES):
        return 0
    header = _end_of_frame(received, start, _METHOD)
    body = header and _end_of_frame(received, header, _HEADER)
    end = body and _end_of_frame(received, body, _BODY)
    if not end or end - start > LARGEST_BYTES:
        return 0
    size = end - 1 - body - HEADER_BYTES
    readable = _is_address(received[start:header]) and _is_celerys(received[header:body], size)
    return end if readable else 0


def _end_of_frame(received: bytes, start: int, expected: int) -> int:
    """Behind the frame of that kind; 0 if it is another, or not whole."""
    if start + HEADER_BYTES >= len(received):
        return 0
    kind, _, size = unpack_from(">BHI", received, start)
    end: int = start + HEADER_BYTES + size + 1
    return end if kind == expected and end <= len(received) and received[end - 1] == END else 0


def _is_address(method: bytes) -> bool:
    """Whether its texts are ASCII; between them are 9 bytes of a number and a flag."""
    tag = HEADER_BYTES + len(_DELIVER)
    number = tag + 1 + method[tag]
    return method[tag:number].isascii() and method[number + 9 : -1].isascii()


def _is_celerys(header: bytes, size: int) -> bool:
    """Whether it belongs to a body of that size, all in one frame, and the C client can read it."""
    at = HEADER_BYTES + 4
    whole, flags = unpack_from(">QH", header, at)
    if whole != size or flags & _FLAGS != _HAS or not header.startswith(_CELERYS, at + 10):
        return False
    table = at + 10 + len(_CELERYS) + 4
    end = table + int.from_bytes(header[table - 4 : table])
    return is_readable(header[table:end], header[end:-1])
