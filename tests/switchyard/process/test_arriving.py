"""Where a request ends, however it comes in pieces."""

import pytest

from switchyard.process.arriving import HEADER_LIMIT_BYTES, Arriving, Stage

LIMIT = 1000
PLAIN = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LENGTH = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345"
CHUNKS = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n12345\r\n0\r\n\r\n"
TRAILER = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\nA: b\r\n\r\n"
WHOLE = {"plain": PLAIN, "length": LENGTH, "chunks": CHUNKS, "trailer": TRAILER}


@pytest.mark.parametrize("request_bytes", WHOLE.values(), ids=WHOLE)
def test_a_request_is_whole_with_its_last_byte_and_not_before(request_bytes: bytes) -> None:
    arriving = Arriving(LIMIT)
    for at in range(len(request_bytes) - 1):
        assert arriving.feed(request_bytes[at : at + 1]) in (Stage.HEADER, Stage.BODY)
    assert arriving.feed(request_bytes[-1:]) is Stage.WHOLE
    assert arriving.take() == request_bytes
    assert len(arriving) == 0


def test_requests_that_come_together_are_taken_one_by_one() -> None:
    arriving = Arriving(LIMIT)
    arriving.feed(b"".join(WHOLE.values()))
    for request_bytes in WHOLE.values():
        assert arriving.feed(b"") is Stage.WHOLE
        assert arriving.take() == request_bytes


@pytest.mark.parametrize(
    ("sent", "stage"),
    [
        (b"GET / HTTP/1.1\r\nA: " + b"a" * HEADER_LIMIT_BYTES, Stage.HEADER_TOO_LARGE),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", Stage.BODY_TOO_LARGE),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", Stage.BODY_TOO_LARGE),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 5000, Stage.BODY_TOO_LARGE),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n", Stage.WHOLE),
    ],
)
def test_what_is_too_large_is_known_before_it_has_come(sent: bytes, stage: Stage) -> None:
    assert Arriving(LIMIT).feed(sent) is stage
