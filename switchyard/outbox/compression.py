"""Compresses a message as its task or its call says, and decompresses no more than a message may hold.

In the outbox a body is text, and its header ``compression`` says how the relay is to compress it: the size
that counts is that of what the broker gets. kombu would decompress whatever arrives, as it arrives: a few
kilobytes could fill the memory of a worker.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kombu import compression

from switchyard.outbox.errors import CompressionRefused

#: Where kombu says how a body is compressed.
HEADER = "compression"

#: Bytes of a body that is not compressed, or not any more: RabbitMQ 4 takes no larger message.
LARGEST_BODY_BYTES = 16 * 1024 * 1024
#: What a decompressor of xz may ask for; the highest of its levels needs 65 MiB.
LZMA_BYTES = 96 * 1024 * 1024

#: kombu's name of each kind whose decompression can be bounded, to what makes a decompressor.
BOUNDED: dict[str, Callable[[], Any]] = {
    "application/x-gzip": zlib.decompressobj,
    "application/x-bz2": bz2.BZ2Decompressor,
    "application/x-lzma": partial(lzma.LZMADecompressor, memlimit=LZMA_BYTES),
}


def kind_of(said: Any) -> str | None:
    """kombu's name of a kind of compression that we know, however it was called; None for any other."""
    if said is None:
        return None
    try:
        encoder: Any = compression.get_encoder(said)
    except (KeyError, TypeError):
        return None
    kind: str = encoder[1]
    return kind if kind in BOUNDED else None


def asked_for(task: str, said: Any, headers: dict[str, Any]) -> str | None:
    """The kind that a call or its task asks for, by the option or by the header; None if none is.

    Raises CompressionRefused for one that we do not know.
    """
    said = said or headers.pop(HEADER, None)
    kind = kind_of(said)
    if said and kind is None:
        raise CompressionRefused(task, said, known())
    return kind


def known() -> str:
    """The names that one may write."""
    return "gzip, bzip2 or lzma"


def published(body: str, headers: Mapping[str, Any]) -> str | bytes:
    """The body as the broker gets it. Raises KeyError for a header that names no kind that kombu knows."""
    kind = headers.get(HEADER)
    compressed: bytes | None = compression.compress(body, kind)[0] if kind else None
    return body if compressed is None else compressed


def bound_decompression() -> None:
    """Have kombu decompress, in this process, up to LARGEST_BODY_BYTES, and nothing that it cannot bound."""
    for kind in compression.encoders():
        encoder: Any = compression.get_encoder(kind)
        decode = partial(_decompressed, BOUNDED[kind]) if kind in BOUNDED else _refuse
        compression.register(encoder[0], decode, kind)


def _decompressed(make: Callable[[], Any], body: bytes) -> bytes:
    decompressor = make()
    text: bytes = decompressor.decompress(body, LARGEST_BODY_BYTES)
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError(f"The body is not whole, or has more than {LARGEST_BODY_BYTES:,} bytes.")
    return text


def _refuse(_: bytes) -> bytes:
    raise ValueError("The decompression of this kind cannot be bounded.")
