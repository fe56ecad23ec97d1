"""Gathers the bytes of a request until it is whole, so that no thread waits for the rest of it.

It finds where a request ends and no more: whether it is one that may be answered is for gunicorn, which gets
these bytes and none beside them. So what the two would read differently ends as a request that broke off.
"""

import re
from enum import Enum, auto

#: Of the request line and all headers. gunicorn has limits for each line of them.
HEADER_LIMIT_BYTES = 64 * 1024
#: Of a line that says how long a chunk is, and of what comes after the last.
_LINE_LIMIT_BYTES = 4096

_END_OF_HEADER = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class Stage(Enum):
    """HEADER and BODY are still on their way, and then it is either WHOLE or too large."""

    HEADER = auto()
    BODY = auto()
    WHOLE = auto()
    HEADER_TOO_LARGE = auto()
    BODY_TOO_LARGE = auto()


class Arriving:
    """The requests of one connection, one after the other. ``body_limit`` is in bytes."""

    def __init__(self, body_limit: int) -> None:
        self._body_limit = body_limit
        self._bytes = bytearray()
        self.stage = Stage.HEADER
        self.expects_word = self._chunked = False
        self._looked_at = self._end = self._body = 0

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> Stage:
        """Add what came; an empty one looks again at what is there."""
        self._bytes += data
        if self.stage is Stage.HEADER:
            self._read_header()
        if self.stage is Stage.BODY:
            if self._chunked:
                self._read_chunks()
            elif len(self._bytes) >= self._end:
                self.stage = Stage.WHOLE
        return self.stage

    def take(self) -> bytes:
        """The request that is whole. What came after it is the beginning of the next."""
        found = bytes(self._bytes[: self._end])
        del self._bytes[: self._end]
        self._begin()
        return found

    def _begin(self) -> None:
        self.stage = Stage.HEADER
        self.expects_word = False
        self._looked_at = self._end = self._body = 0
        self._chunked = False

    def _read_header(self) -> None:
        at = self._bytes.find(_END_OF_HEADER, max(self._looked_at - len(_END_OF_HEADER), 0))
        self._looked_at = len(self._bytes)
        if at > HEADER_LIMIT_BYTES or (at < 0 and len(self._bytes) > HEADER_LIMIT_BYTES):
            self.stage = Stage.HEADER_TOO_LARGE
        elif at >= 0:
            self._body = self._end = at + len(_END_OF_HEADER)
            self._read_length(bytes(self._bytes[: self._end]))

    def _read_length(self, header: bytes) -> None:
        self.stage = Stage.BODY
        self.expects_word = bool(_EXPECTS.search(header))
        if _CHUNKED.search(header):
            self._chunked = True
        elif found := _LENGTH.search(header):
            self._end += int(found[1])
            if int(found[1]) > self._body_limit:
                self.stage = Stage.BODY_TOO_LARGE

    def _read_chunks(self) -> None:
        """``_end`` is where the line of the next chunk begins."""
        while self.stage is Stage.BODY:
            line_end = self._bytes.find(b"\r\n", self._end, self._end + _LINE_LIMIT_BYTES)
            if line_end < 0:
                if len(self._bytes) - self._end >= _LINE_LIMIT_BYTES:
                    self.stage = Stage.BODY_TOO_LARGE
                return
            size = _size_of(bytes(self._bytes[self._end : line_end]))
            if size is None:
                self._end, self.stage = len(self._bytes), Stage.WHOLE  # gunicorn says what is wrong with it
            elif size == 0:
                self._read_trailer(line_end)
                return
            elif line_end + size - self._body > self._body_limit:
                self.stage = Stage.BODY_TOO_LARGE
            elif len(self._bytes) < line_end + 2 + size + 2:
                return
            else:
                self._end = line_end + 2 + size + 2

    def _read_trailer(self, line_end: int) -> None:
        """Ends with an empty line, which follows the last chunk's at once where there is no trailer."""
        at = self._bytes.find(_END_OF_HEADER, line_end, line_end + _LINE_LIMIT_BYTES)
        if at >= 0:
            self._end, self.stage = at + len(_END_OF_HEADER), Stage.WHOLE
        elif len(self._bytes) - line_end >= _LINE_LIMIT_BYTES:
            self.stage = Stage.BODY_TOO_LARGE


def _size_of(line: bytes) -> int | None:
    """Of a chunk, or None for what is no size."""
    digits = line.partition(b";")[0].strip()
    return int(digits, 16) if re.fullmatch(rb"[0-9A-Fa-f]{1,8}", digits) else None
