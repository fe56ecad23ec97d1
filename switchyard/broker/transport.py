"""Reads and writes many AMQP frames by one system call, as kombu's transport over py-amqp.

py-amqp reads a frame by three calls and writes each by one, and around each of them the interpreter's lock
changes hands with whichever thread waits for it. On a worker with hundreds of threads that is most of what a
small task costs.

Only an event loop reads this way; who waits for an answer reads as before. TLS (``amqps://``) is left as it
is: its socket has no call that returns at once.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from socket import MSG_DONTWAIT
from struct import unpack_from
from typing import Any

from amqp.exceptions import RecoverableConnectionError, UnexpectedFrame
from amqp.transport import TCPTransport
from kombu.transport import pyamqp

from switchyard.broker.frames import Frame

#: Taken from the socket at once; what is left stays for the next turn of the loop.
READ_BYTES = 64 * 1024

#: The answer to a farewell is waited for so long, of a channel and of a connection. A broker in alarm reads
#: nothing more and gives none; who publishes has waited for its confirm by then.
FAREWELL_SECONDS = 2.0

#: A frame is type (1 byte), channel (2), size (4), payload and this end mark. AMQP 0-9-1, 4.2.3.
HEADER_BYTES = 7
END = 0xCE


class BatchingSocket(TCPTransport):
    """py-amqp's connection over TCP; it reads all frames that are there and can hold back what it writes."""

    sock: Any
    _read_buffer: bytes

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        #: Frames that have been read and not yet handled.
        self.frames: deque[Frame] = deque()
        self._held: list[bytes] | None = None

    def receive(self) -> None:
        """Read what has arrived into ``frames``, without waiting.

        Raises OSError when the broker has closed the connection, UnexpectedFrame when it does not speak AMQP.
        """
        try:
            received = self.sock.recv(READ_BYTES, MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self.connected = False
            raise
        if not received:
            self.connected = False
            raise OSError("Server unexpectedly closed connection")
        self._read_buffer = self._split(self._read_buffer + received)

    def read_frame(self, *args: Any, **options: Any) -> Frame:
        """The next frame, from those that have been read or else from the socket."""
        if self.frames:
            return self.frames.popleft()
        frame: Frame = super().read_frame(*args, **options)
        return frame

    def write(self, frame: bytes) -> None:
        """Send, or keep until ``held_back`` ends. The buffer is the caller's, who fills it anew each time."""
        if self._held is None:
            super().write(frame)
        else:
            self._held.append(bytes(frame))

    def close(self) -> None:
        self.frames.clear()
        super().close()

    def _read(self, *args: Any, **options: Any) -> bytes:
        """Nobody waits for the answer to something that has not been sent."""
        self._send_held()
        read: bytes = super()._read(*args, **options)  # type: ignore[misc]
        return read

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Send what is written inside the block by one call, at its end. Raises what sending it raises.

        Inside another such block it is that one's end.
        """
        if self._held is not None:
            yield
            return
        self._held = []
        try:
            yield
        finally:
            try:
                self._send_held()
            finally:
                self._held = None

    def _send_held(self) -> None:
        if self._held:
            held, self._held = self._held, []
            super().write(b"".join(held))

    def _split(self, received: bytes) -> bytes:
        """Append the frames that are whole. Returns the beginning of the one that is not."""
        start = 0
        while end := self._take(received, start):
            start = end
        return received[start:]

    def _take(self, received: bytes, start: int) -> int:
        """Append the frame that begins here. Returns where it ends; 0 if it is not whole."""
        frame, end = frame_at(received, start)
        if frame:
            self.frames.append(frame)
        return end


def frame_at(received: bytes, start: int) -> tuple[Frame | None, int]:
    """The frame that begins here and where it ends; None and 0 if it is not whole."""
    if len(received) - start <= HEADER_BYTES:
        return None, 0
    kind, channel, size = unpack_from(">BHI", received, start)
    end: int = start + HEADER_BYTES + size
    if end >= len(received):
        return None, 0
    if received[end] != END:
        raise UnexpectedFrame(f"A frame ends in {received[end]:#04x} instead of {END:#04x}.")
    return (kind, channel, received[start + HEADER_BYTES : end]), end + 1


class Connection(pyamqp.Connection):
    #: Reads and writes without TLS.
    Socket = BatchingSocket
    #: None when it has been closed.
    channels: dict[int, Any] | None

    def Transport(  # noqa: N802 - py-amqp's name for the maker of its socket
        self, host: str, connect_timeout: float | None, ssl: Any = False, *args: Any, **options: Any
    ) -> Any:
        if ssl:
            return super().Transport(host, connect_timeout, ssl, *args, **options)
        return self.Socket(host, connect_timeout, *args, **options)

    def handle_received(self) -> None:
        """Handle the frames that the loop has read."""
        frames = self.transport.frames
        while frames:
            self.on_inbound_frame(frames.popleft())

    def blocking_read(self, timeout: float | None = None) -> Any:
        """Handle the next frame. Raises TimeoutError when there is none in time (seconds)."""
        channels = (self.channels or {}).values()
        if timeout is None and any(channel.is_closing for channel in channels):
            timeout = FAREWELL_SECONDS
        return super().blocking_read(timeout)


class Transport(pyamqp.Transport):
    """What ``pyamqp://`` stands for in this project; ``switchyard.attach`` gives it that name."""

    Connection = Connection

    def on_readable(self, connection: Any, loop: Any) -> None:
        if not connection.connected:
            raise RecoverableConnectionError("Socket was disconnected")
        socket = connection.transport
        if not isinstance(socket, BatchingSocket):
            # TLS, by Celery's option broker_use_ssl. The URL amqps:// has a transport of kombu's.
            super().on_readable(connection, loop)
            return
        socket.receive()
        connection.handle_received()


def held_back(connection: Any) -> AbstractContextManager[None]:
    """A block whose writes to this kombu connection go out together at its end.

    Under TLS each goes at once; and None, or a connection that is lost, is not opened for it.
    """
    socket = connection.connection.transport if connection and connection.connected else None
    return socket.held_back() if isinstance(socket, BatchingSocket) else nullcontext()
