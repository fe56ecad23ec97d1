"""Clients that hold what they have: a request half sent, or an answer that they do not read."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

HOST = "Host: localhost\r\n"
#: Large enough that no buffer of a kernel holds it: a file of Django's admin.
LARGE = "/static/admin/js/vendor/jquery/jquery.js"
#: Each attack by what it sends.
ATTACKS = {
    "silence": "",
    "half a header": f"POST /signup HTTP/1.1\r\n{HOST}",
    "half a body": f"POST /signup HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\n{{",
    "half a chunk": f"POST /signup HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n64\r\n{{",
    "no reading": f"GET {LARGE} HTTP/1.1\r\n{HOST}\r\n" * 20,
}


@contextmanager
def attackers(port: int, attack: str, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that do it, until the block ends."""
    with ExitStack() as stack:
        yield [stack.enter_context(_attacker(port, ATTACKS[attack].encode())) for _ in range(count)]


def _attacker(port: int, says: bytes) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    found.connect(("127.0.0.1", port))
    found.sendall(says)
    return found
