"""Writes the body and the headers of a message, as kombu does.

kombu makes an encoder for each of them, which takes longer than the encoding of a small one.
"""

from typing import Any

from kombu.exceptions import EncodeError
from kombu.serialization import dumps, registry  # type: ignore[attr-defined]
from kombu.utils import json as kombus

from switchyard.outbox.overrides import Shipped

#: Raises ValueError for a number that is not finite, which RabbitMQ does not read in a header.
headers_as_json = kombus.JSONEncoder(allow_nan=False).encode

_encode = kombus.JSONEncoder().encode
#: What kombu registers for JSON, which encodes just so; None if somebody has put another in its place.
_KOMBUS = kombus.dumps if Shipped((kombus, "dumps")).hold() else None


def written(body: Any, serializer: str) -> tuple[str, str, str]:
    """Content type, encoding and text. Raises kombu.exceptions.EncodeError for what cannot be written."""
    codec = registry._encoders.get(serializer)  # noqa: SLF001 - it has no public reader
    if codec is None or codec.encoder is not _KOMBUS:
        found: tuple[str, str, str] = dumps(body, serializer)
        return found
    try:
        return codec.content_type, codec.content_encoding, _encode(body)
    except Exception as reason:
        raise EncodeError(reason) from reason
