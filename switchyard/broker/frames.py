"""Decodes what the broker sends, whoever published it, without ending the connection.

RabbitMQ passes a message's properties on as they came. py-amqp decodes them as it reads the connection, and a
property that it cannot decode (text that is not UTF-8, a date beyond the year 9999, tables nested too deep)
is an error of the connection's reader, which ends the worker, then the next one, and so on until the delivery
limit. Here such a message arrives without its properties instead, marked, to be refused like any other.
"""

from collections.abc import Callable
from struct import pack
from typing import Any

from amqp import spec
from amqp.method_framing import frame_handler
from amqp.serialization import PROPERTY_CLASSES, dumps

#: The header of a message whose own properties could not be decoded; it says why.
UNREADABLE = "switchyard-unreadable"

_CONTENT_HEADER = 2
_BASIC = spec.Basic.CLASS_ID
#: Class, weight and size of the body come before the properties.
_PROPERTIES_AT = 12

Frame = tuple[int, int, bytes]


def forgiving_frame_handler(connection: Any, callback: Callable[..., Any]) -> Callable[[Frame], bool]:
    """py-amqp's frame handler, for a connection that must outlive what others published.

    Given to kombu as the transport option ``frame_handler``. The usual message costs nothing more.
    """
    read: Callable[[Frame], bool] = frame_handler(connection, _with_readable_address(callback))

    def read_forgivingly(frame: Frame) -> bool:
        try:
            return read(frame)
        except Exception:
            kind, channel, content = frame
            reason = _unreadable(content) if kind == _CONTENT_HEADER else ""
            if not reason:
                raise
            return read((kind, channel, _marked(content, reason)))

    return read_forgivingly


def _unreadable(content: bytes) -> str:
    """Why the properties cannot be decoded; empty if they can."""
    try:
        PROPERTY_CLASSES[_BASIC](content, _PROPERTIES_AT)
    except Exception as error:  # noqa: BLE001 - the bytes are somebody else's: anything may be raised
        return type(error).__name__
    return ""


def _marked(content: bytes, reason: str) -> bytes:
    """The same frame with the mark as its only property."""
    only_headers = pack(">H", 0x2000) + dumps("F", ({UNREADABLE: reason},))
    return content[:_PROPERTIES_AT] + only_headers


def _with_readable_address(callback: Callable[..., Any]) -> Callable[..., Any]:
    """The callback for whole methods, called once more if a routing key is not UTF-8."""

    def deliver(channel: int, method: tuple[int, int], arguments: bytes, content: Any) -> Any:
        try:
            return callback(channel, method, arguments, content)
        except UnicodeDecodeError:
            if method != spec.Basic.Deliver or _decodes(arguments):
                raise
            return callback(channel, method, _readable(arguments), content)

    return deliver


def _decodes(arguments: bytes) -> bool:
    """Whether Basic.Deliver's texts are UTF-8. Its delivery tag is bytes of any kind."""
    tag, _, exchange, routing_key = _parts(arguments)
    try:
        for text in (tag, exchange, routing_key):
            text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _readable(arguments: bytes) -> bytes:
    """Basic.Deliver's arguments with each text made ASCII: what is none becomes ``?``."""
    tag, delivery, exchange, routing_key = _parts(arguments)
    address = (_ascii(exchange), _ascii(routing_key))
    return arguments[:4] + dumps("s", (_ascii(tag),)) + delivery + dumps("ss", address)


def _parts(arguments: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Consumer tag; delivery tag and redelivered flag; exchange; routing key."""
    tag, rest = _text(arguments[4:])
    exchange, last = _text(rest[9:])
    routing_key, _ = _text(last)
    return tag, rest[:9], exchange, routing_key


def _text(buffer: bytes) -> tuple[bytes, bytes]:
    """The short string at the start, and what comes after it."""
    end = 1 + buffer[0]
    return buffer[1:end], buffer[end:]


def _ascii(text: bytes) -> str:
    return text.decode("ascii", "replace").replace("\ufffd", "?")
