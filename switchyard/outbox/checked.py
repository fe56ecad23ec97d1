"""Looks at a message as its worker and the broker would, and publishes one that is not kept as a row.

What no time mends is the message's own fault and raises a ``TaskCallError``, before anything is sent if it
can be seen here: who called can still do something. What the broker only says when it has been asked (its
limit may have been set lower, an option may be nothing that it takes) raises ``MessageRefused``.
"""

from collections.abc import Mapping
from typing import Any

from amqp.exceptions import MessageNacked

from switchyard.outage import BROKER_ERRORS, MESSAGE_FAULTS, NotPublished, first_line
from switchyard.outbox.compression import LARGEST_BODY_BYTES, asked_for
from switchyard.outbox.errors import (
    HeaderRefused,
    HeadersNotFinite,
    HeadersTooLarge,
    MessageRefused,
    MessageTooLarge,
)
from switchyard.outbox.headers import NONE_KNOWN, are_usual, fault_of_headers, mend_informing, unwritable
from switchyard.outbox.serialization import headers_as_json, written

#: Of a message's arguments, callbacks and canvas. RabbitMQ 4 refuses above 16 MiB; a broker that replicates
#: each message to three nodes, and a worker that holds a hundred of them, are in trouble long before.
BODY_LIMIT_BYTES = 1024 * 1024
#: All headers have to fit in one AMQP frame, which is 128 KiB: a larger one ends the connection.
HEADERS_LIMIT_BYTES = 64 * 1024

#: Of a character in UTF-8.
MOST_BYTES = 4

#: What the broker may answer otherwise another time; that of a full queue, and of a socket, among them.
TRANSIENT = (*BROKER_ERRORS, MessageNacked, OSError)


class Checked:
    """kombu's Producer for one message, which is looked at as it is when all have added to it."""

    def __init__(self, task: str, producer: Any) -> None:
        self._task = task
        self._producer = producer

    def publish(self, body: Any, *, headers: dict[str, Any], serializer: str, **options: Any) -> Any:
        """Raises TaskCallError, or NotPublished for what may be taken another time."""
        options["compression"] = asked_for(self._task, options.get("compression"), headers)
        refuse_headers(self._task, headers)
        refuse_large_headers(self._task, headers_as_json(headers))
        content_type, content_encoding, text = written(body, serializer)
        refuse_large_body(self._task, text, LARGEST_BODY_BYTES)
        kind = {"content_type": content_type, "content_encoding": content_encoding}
        try:
            return self._producer.publish(text, headers=headers, **kind, **options)
        except MESSAGE_FAULTS as error:
            raise MessageRefused(self._task, first_line(error)) from error
        except TRANSIENT as error:
            raise NotPublished(first_line(error)) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)


def refuse_headers(task: str, headers: dict[str, Any], known: Mapping[str, Any] = NONE_KNOWN) -> None:
    """Mend those that only inform. Raise HeaderRefused or HeadersNotFinite for what no worker takes.

    ``known`` as for ``are_usual``.
    """
    if not are_usual(headers, known):
        mend_informing(headers)
        fault = fault_of_headers(headers)
        if fault:
            raise HeaderRefused(task, fault)
    name = unwritable(headers)
    if name:
        raise _refusal(task, headers, name)


def refuse_large_body(task: str, body: str | bytes, limit: int) -> None:
    """Raise MessageTooLarge."""
    if len(body) <= limit // MOST_BYTES:
        return
    size = len(body.encode() if isinstance(body, str) else body)
    if size > limit:
        raise MessageTooLarge(task, size, limit)


def refuse_large_headers(task: str, headers: str) -> None:
    """Raise HeadersTooLarge."""
    if len(headers) <= HEADERS_LIMIT_BYTES // MOST_BYTES:
        return
    size = len(headers.encode())
    if size > HEADERS_LIMIT_BYTES:
        raise HeadersTooLarge(task, size, HEADERS_LIMIT_BYTES)


def _refusal(task: str, headers: dict[str, Any], name: str) -> Exception:
    """RabbitMQ answers a NaN among the headers with error 541, whatever else is on the way."""
    try:
        headers_as_json(headers)
    except ValueError:
        return HeadersNotFinite(task)
    except TypeError:
        pass
    fault = "is neither text nor a number, a list or a table, or nests too deep"
    return HeaderRefused(task, f"header {name} holds what {fault}")
