"""One client's connection, and what it is doing: for the worker whose loop reads and writes it."""

import time
from enum import Enum, auto
from typing import Any

from gunicorn.workers.gthread import TConn

from switchyard.conf import conf
from switchyard.process.answering import Answer
from switchyard.process.arriving import Arriving

#: From the connect, or from the first byte of a request on a connection that was kept.
HEADER_SECONDS = 10.0


class State(Enum):
    """What a connection is doing. Only one that is WORKING has a thread, or waits for one."""

    IDLE = auto()
    ARRIVING = auto()
    WORKING = auto()
    ANSWERING = auto()
    PARTING = auto()


class Connection(TConn):  # type: ignore[misc]
    def __init__(self, worker: Any, sock: Any, client: Any, server: Any) -> None:
        super().__init__(worker.cfg, sock, client, server)
        self.real = sock
        #: What gunicorn writes to.
        self.sock = Answer(sock, lambda: worker.method_queue.defer(worker.watch_answer, self))
        self.arriving = Arriving(conf.WEB_BODY_LIMIT_BYTES)
        # The parser has what is whole, and never reads from the socket.
        self.initialized = True
        self.state = State.ARRIVING
        self.until = time.monotonic() + HEADER_SECONDS
        self.watched = 0
        self.keep = False
        #: Of its answer, when its time was last set.
        self.left = 0
