"""What a thread writes its answer to: a socket that keeps what the client has not taken yet.

The thread is done as soon as the answer is written here. The worker's loop hands it on as the client reads.
"""

import socket
from collections import deque
from collections.abc import Callable
from threading import Condition

#: Of an answer that is made while it is sent: more than this waits for the client, in its thread.
AHEAD_BYTES = 8 * 1024 * 1024
#: How long it waits for a client that takes nothing.
PATIENCE_SECONDS = 10.0


class Answer:
    """In the place of a socket, for gunicorn's Response. ``wake`` is called when bytes begin to wait."""

    def __init__(self, sock: socket.socket, wake: Callable[[], None]) -> None:
        self._sock = sock
        self._wake = wake
        self._parts: deque[memoryview] = deque()
        self._changed = Condition()
        self._lost = False
        self.size = 0

    def sendall(self, data: bytes) -> None:
        """Raises BrokenPipeError when the client is gone, or takes nothing."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._lost or self.size < AHEAD_BYTES, PATIENCE_SECONDS):
                self._lost = True
            if self._lost:
                raise BrokenPipeError("The client has not read its answer.")
            waited = self.size > 0
            self._parts.append(memoryview(data))
            self.size += len(data)
            if not waited:
                self._send()
            wake = not waited and self.size > 0
        if wake:
            self._wake()

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def flush(self) -> bool:
        """Send what the client takes now; whether it still has some to take. Raises OSError."""
        with self._changed:
            self._send()
            self._changed.notify_all()
            return self.size > 0

    def lose(self) -> None:
        """Whoever writes, or waits to, is told that nobody reads it any more."""
        with self._changed:
            self._lost = True
            self._parts.clear()
            self.size = 0
            self._changed.notify_all()

    def setblocking(self, _blocking: bool) -> None:
        """Nothing: it never waits."""

    def shutdown(self, _how: int) -> None:
        """By gunicorn, of an answer that broke off: what is here has been sent as far as it goes."""
        raise OSError("An answer is ended by the loop that sends it.")

    def close(self) -> None:
        self.lose()

    def _send(self) -> None:
        try:
            while self._parts:
                sent = self._sock.send(self._parts[0])
                self.size -= sent
                if sent == len(self._parts[0]):
                    self._parts.popleft()
                else:
                    self._parts[0] = self._parts[0][sent:]
        except BlockingIOError:
            pass
