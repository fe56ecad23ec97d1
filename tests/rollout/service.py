"""A Service: TCP connections, one by one to each pod that it has, never read and never repeated."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count

from deploy.local.ports import LOOPBACK
from tests.rollout.pod import Pod


class Service:
    """Listens on ``port``. A connection that no pod takes is closed, as a refusal would be."""

    def __init__(self, pods: Callable[[], list[Pod]], target: str) -> None:
        self._pods = pods
        self._target = target
        self._turn = count()
        self._listener = socket.create_server((LOOPBACK, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # shutdown, because a thread that waits in accept() keeps a listener that is only closed.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            pods = [pod for pod in self._pods() if pod.serving]
            if not pods:
                return
            chosen = pods[next(self._turn) % len(pods)].container
            address = (chosen.address, chosen.ports[self._target])
            with socket.create_connection(address, timeout=5) as upstream:
                upstream.settimeout(None)
                back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
                back.start()
                pump(client, upstream)
                back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until its end, and then the end itself."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
