"""A TCP proxy between a role and a server, which can be slow, cut, or silent without ever saying so."""

import asyncio
import socket
import ssl
import struct
import threading
from types import TracebackType
from typing import Self

from deploy.local.ports import LOOPBACK, free_ports

_CHUNK = 65_536


class Proxy:
    """Listens on ``port`` and passes on to ``target``. Every method may be called from any thread."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        #: The server's side, where clients speak TLS. What it loads holds from the next connection on.
        self.tls = tls
        self.port = free_ports(1)[0]
        #: Seconds that what the server says is held back.
        self.answers_delay_seconds = 0.0
        self.accepted = 0
        #: How often ``cut`` found a connection to reset.
        self.cuts = 0
        self._generation = 0
        self._held = False
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def cut(self) -> int:
        """Reset every connection at once; returns how many there were. New ones are let in."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def freeze(self) -> None:
        """Half-open: connections stay, nothing is passed on, new ones are accepted and never answered."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def thaw(self) -> None:
        """What was said meanwhile arrives."""
        self._loop.call_soon_threadsafe(self._open.set)

    def forget(self) -> int:
        """Silence every connection that is open now, for good, as a router that lost its table does.

        New ones work. Returns how many there were.
        """
        self._generation += 1
        return self.connections

    def hold_questions(self) -> None:
        """Pass on nothing more that clients say; answers still arrive. Until ``cut``."""
        self._held = True

    @property
    def connections(self) -> int:
        """Open ones, counted on the client's side."""
        return len(self._writers) // 2

    def __enter__(self) -> Self:
        self._open.set()
        started = threading.Event()
        self._loop.call_soon(started.set)
        self._thread.start()
        started.wait(10)
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._pass, LOOPBACK, self.port, ssl=self.tls)

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _cut(self) -> int:
        self._held = False
        writers = list(self._writers)
        self.cuts += bool(writers)
        for writer in writers:
            _reset(writer)
        return len(writers) // 2

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, back}
        self._writers |= pair
        try:
            await asyncio.gather(
                self._copy(reader, back, answers=False), self._copy(there, writer, answers=True)
            )
        finally:
            self._writers -= pair
            for each in pair:
                each.transport.abort()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        born = self._generation
        try:
            while data := await reader.read(_CHUNK):
                if answers and self.answers_delay_seconds:
                    await asyncio.sleep(self.answers_delay_seconds)
                await self._open.wait()
                if self._generation != born or (self._held and not answers):
                    await asyncio.Event().wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, not FIN: the other side must not take it for a farewell."""
    # Python 3.11's transport of TLS knows no socket any more once it is closed.
    if writer.transport.is_closing():
        return
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
