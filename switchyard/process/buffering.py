"""Serves HTTP by threads that wait for no client: gunicorn's worker of threads, with buffers before it.

gunicorn's own gives a connection to a thread before its request is there, and has it until the last byte of
the answer is taken: as many clients as there are threads, who send half a request or read nothing, stop
everybody. Here the loop gathers each request, a thread makes its answer, and the loop sends it. So a client
costs memory and time of the loop, of which all of them together have a limit; past it the one that has waited
longest is let go.

| a client has    | for                                                         |
|-----------------|-------------------------------------------------------------|
| HEADER_SECONDS  | the request line and headers, from their first byte or from |
|                 | the connect                                                 |
| BODY_SECONDS    | the body                                                    |
| ANSWER_SECONDS  | each stretch of an answer: it has to take ANSWER_BYTES of it|
| keepalive       | its next request                                            |
"""

import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import ThreadWorker

from switchyard.process.arriving import Arriving, Stage
from switchyard.process.client import HEADER_SECONDS, Connection, State

BODY_SECONDS = 20.0
ANSWER_SECONDS = 10.0
ANSWER_BYTES = 16 * 1024
#: What a client that is refused may still send, unread, before it is cut off: else it would not see why.
PARTING_SECONDS = 2.0
#: A stopping worker waits for requests that may be on their way, but not as long as for those that come.
STOPPING_SECONDS = 2.0
#: Of requests that are on their way, all together, and of answers.
BUFFERED_BYTES = 64 * 1024 * 1024
LOOK_SECONDS = 0.5
READ_BYTES = 64 * 1024

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

REFUSALS = {
    408: "Request Timeout",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
}
TOO_LARGE = {Stage.HEADER_TOO_LARGE: 431, Stage.BODY_TOO_LARGE: 413}


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    #: Told "slow", "large" or "crowded" of each client that is let go. Set where metrics may be made.
    on_refused: Callable[[str], None] = staticmethod(lambda _reason: None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: dict[Connection, None] = {}
        self.buffered = 0
        self.working = 0
        self._look_at = self._since = 0.0

    @property
    def stuck_seconds(self) -> float:
        """For how long each thread has had a request, and none has been done."""
        return time.monotonic() - self._since if self.working >= self.cfg.threads else 0.0

    def accept(self, listener: socket.socket) -> None:
        try:
            sock, client = listener.accept()
        except OSError:
            return  # it is gone again
        sock.setblocking(False)
        connection = Connection(self, sock, client, listener.getsockname())
        self.nr_conns += 1
        self.connections[connection] = None
        self._watch(connection, selectors.EVENT_READ)
        if self.nr_conns > self.worker_connections * 0.9:
            self._let_one_go(State.PARTING, State.ARRIVING, State.ANSWERING, State.IDLE)

    def handle(self, conn: Connection) -> Any:
        """In a thread, with a request that is whole."""
        conn.parser = http.get_parser(self.cfg, [conn.arriving.take()], conn.client)
        return super().handle(conn)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        self.working -= 1
        self._since = time.monotonic()
        if conn.state is State.WORKING:
            conn.keep = not fs.cancelled() and fs.exception() is None and fs.result() is True
            self._after_answer(conn)

    def watch_answer(self, conn: Connection) -> None:
        """Called when an answer has more than its client takes at once."""
        if conn in self.connections and conn.sock.size:
            self._give_time(conn)
            self._watch(conn, selectors.EVENT_WRITE)
            if sum(each.sock.size for each in self.connections) > BUFFERED_BYTES:
                self._let_one_go(State.ANSWERING)

    def murder_keepalived(self, force: bool = False) -> None:
        """Called in each turn of the loop: let go whose time is over."""
        now = time.monotonic()
        if not force and now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        if not self.alive:
            for conn in self.connections:
                if conn.state in (State.IDLE, State.ARRIVING):
                    conn.until = min(conn.until, now + STOPPING_SECONDS)
        for conn in [each for each in self.connections if force or each.until <= now]:
            self._time_is_over(conn, force=force)

    def _time_is_over(self, conn: Connection, *, force: bool) -> None:
        answered = conn.state not in (State.WORKING, State.ANSWERING)
        if not force and not answered and conn.left - conn.sock.size >= ANSWER_BYTES:
            return self._give_time(conn)
        if conn.state not in (State.IDLE, State.PARTING):
            self.on_refused("slow")
        if conn.state is State.ARRIVING and len(conn.arriving) and not force:
            return self._refuse(conn, 408)
        return self._end(conn)

    def _readable(self, conn: Connection, _fileobj: Any) -> None:
        if conn not in self.connections:
            return  # it was let go in this turn
        try:
            data = conn.real.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(conn)
        elif conn.state is not State.PARTING:
            if conn.state is State.IDLE:
                conn.state, conn.until = State.ARRIVING, time.monotonic() + HEADER_SECONDS
            self._arrived(conn, data)

    def _arrived(self, conn: Connection, data: bytes) -> None:
        before = conn.arriving.stage
        self.buffered -= len(conn.arriving)
        stage = conn.arriving.feed(data)
        self.buffered += len(conn.arriving)
        if stage is Stage.WHOLE:
            self._give_to_thread(conn)
        elif stage in TOO_LARGE:
            self.on_refused("large")
            self._refuse(conn, TOO_LARGE[stage])
        elif stage is Stage.BODY and before is Stage.HEADER:
            conn.until = time.monotonic() + BODY_SECONDS
            if conn.arriving.expects_word:
                self._say(conn, CONTINUE)
        if self.buffered > BUFFERED_BYTES:
            self._let_one_go(State.ARRIVING)

    def _give_to_thread(self, conn: Connection) -> None:
        self._watch(conn, 0)
        self.buffered -= len(conn.arriving)
        conn.state, conn.until = State.WORKING, float("inf")
        self.working += 1
        if self.working == self.cfg.threads:
            self._since = time.monotonic()
        self.enqueue_req(conn)

    def _after_answer(self, conn: Connection) -> None:
        if conn.sock.size:
            conn.state = State.ANSWERING
            return self.watch_answer(conn)
        if not conn.keep:
            return self._part(conn)
        conn.state, conn.until = State.IDLE, time.monotonic() + self.cfg.keepalive
        self.buffered += len(conn.arriving)
        self._watch(conn, selectors.EVENT_READ)
        if len(conn.arriving):
            # The next request came together with the last.
            conn.state, conn.until = State.ARRIVING, time.monotonic() + HEADER_SECONDS
            self._arrived(conn, b"")
        return None

    def _writable(self, conn: Connection, _fileobj: Any) -> None:
        if conn not in self.connections:
            return None
        try:
            if conn.sock.flush():
                return None
        except OSError:
            return self._end(conn)
        self._watch(conn, 0)
        conn.until = float("inf")
        return self._after_answer(conn) if conn.state is State.ANSWERING else None

    def _give_time(self, conn: Connection) -> None:
        conn.left, conn.until = conn.sock.size, time.monotonic() + ANSWER_SECONDS

    def _refuse(self, conn: Connection, status: int) -> None:
        self.buffered -= len(conn.arriving)
        conn.arriving = Arriving(0)
        head = f"HTTP/1.1 {status} {REFUSALS[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        self._say(conn, head.encode())
        self._part(conn)

    def _say(self, conn: Connection, word: bytes) -> None:
        """To a client that has had nothing yet, so that there is room for it."""
        with suppress(OSError):
            conn.real.send(word)

    def _part(self, conn: Connection) -> None:
        """Say that no more comes, and wait a little until the client has seen it."""
        conn.state, conn.until = State.PARTING, time.monotonic() + PARTING_SECONDS
        try:
            conn.real.shutdown(socket.SHUT_WR)
        except OSError:
            return self._end(conn)
        return self._watch(conn, selectors.EVENT_READ)

    def _let_one_go(self, *states: State) -> None:
        """The one whose time would be over first, of the first state that any is in."""
        for state in states:
            found = [conn for conn in self.connections if conn.state is state]
            if found:
                self.on_refused("crowded")
                return self._end(min(found, key=lambda conn: conn.until))
        return None

    def _watch(self, conn: Connection, events: int) -> None:
        callback = {selectors.EVENT_READ: self._readable, selectors.EVENT_WRITE: self._writable}.get(events)
        if conn.watched:
            self.poller.unregister(conn.real)
        if callback:
            self.poller.register(conn.real, events, partial(callback, conn))
        conn.watched = events

    def _end(self, conn: Connection) -> None:
        if conn not in self.connections:
            return
        del self.connections[conn]
        if conn.state in (State.IDLE, State.ARRIVING):
            self.buffered -= len(conn.arriving)
        self._watch(conn, 0)
        # A thread that still writes to it finds nobody there.
        conn.state = State.PARTING
        conn.sock.lose()
        conn.real.close()
        self.nr_conns -= 1
