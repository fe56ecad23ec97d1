"""Makes a row of a message, in the place of the producer that would publish it.

Agents (New Relic's, Datadog's for kombu) wrap the methods of kombu's own producer to put the caller's trace
into the headers, which must not end where a message is kept. So where somebody has, that producer runs, over
a channel that leads nowhere; and where nobody has, what it would do to a message is done here.
"""

import json
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from kombu import Producer, messaging

from switchyard.outbox.checked import (
    BODY_LIMIT_BYTES,
    refuse_headers,
    refuse_large_body,
    refuse_large_headers,
)
from switchyard.outbox.compression import HEADER, LARGEST_BODY_BYTES, asked_for, published
from switchyard.outbox.errors import TooFarAhead
from switchyard.outbox.headers import NONE_KNOWN
from switchyard.outbox.moments import LONGEST_DELAY, moment_in
from switchyard.outbox.overrides import Shipped
from switchyard.outbox.rows import Row
from switchyard.outbox.serialization import headers_as_json, written
from switchyard.routing import queue_of_key

_recorder: ContextVar["Recorder"] = ContextVar("recorder")


class Recorder:
    """Takes the place of kombu's Producer for one message."""

    def __init__(self, task: str, rows: list[Row], known: Mapping[str, Any] = NONE_KNOWN) -> None:
        """``known``: headers that need no look (``headers.are_usual``)."""
        self._task = task
        self._rows = rows
        self._known = known

    def publish(
        self,
        body: Any,
        *,
        routing_key: str,
        headers: dict[str, Any],
        serializer: str,
        correlation_id: str,
        reply_to: str,
        exchange: Any = None,
        priority: int | None = None,
        compression: str | None = None,
        **_: Any,
    ) -> None:
        """What is left out is not the message's (retries, declarations) or is counted anew by the relay."""
        asked = asked_for(self._task, compression, headers)
        if asked:
            headers[HEADER] = asked
        properties = {"correlation_id": correlation_id, "reply_to": reply_to, "delivery_mode": 2}
        if _KOMBUS_WAY.hold() and type(reply_to) is str:
            content_type, content_encoding, text = written(body, serializer)
            kind = {"content_type": content_type, "content_encoding": content_encoding, "priority": priority}
            self.keep(text, headers, kind | properties, routing_key)
        else:
            way = {"exchange": exchange, "routing_key": routing_key}
            self._publish_by_kombu(
                body, headers, serializer=serializer, priority=priority, **way, **properties
            )

    def _publish_by_kombu(self, body: Any, headers: dict[str, Any], **options: Any) -> None:
        token = _recorder.set(self)
        try:
            _PRODUCER.publish(body, headers=headers, **options)
        finally:
            _recorder.reset(token)

    def keep(self, text: str, headers: dict[str, Any], properties: dict[str, Any], routing_key: str) -> None:
        """The message as it is when all have added to it. Raises TaskCallError for what no worker takes."""
        refuse_headers(self._task, headers, self._known)
        row = Row(
            task_id=headers["id"],
            task=self._task,
            queue=queue_of_key(routing_key),
            headers=headers_as_json(headers),
            properties=json.dumps({key: value for key, value in properties.items() if value is not None}),
            body=text,
            due=_due(self._task, headers["eta"]),
        )
        self._refuse_large_body(row.body, headers)
        refuse_large_headers(self._task, row.headers)
        self._rows.append(row)

    def _refuse_large_body(self, text: str, headers: dict[str, Any]) -> None:
        """Raise MessageTooLarge. What counts is the size of what the broker gets.

        What fits as it is fits compressed, and is compressed by the relay alone: a row is text, for whoever
        reads it. So nobody's request waits for it but that of a body above the limit.
        """
        if HEADER in headers and len(text.encode()) > BODY_LIMIT_BYTES:
            refuse_large_body(self._task, text, LARGEST_BODY_BYTES)
            refuse_large_body(self._task, published(text, headers), BODY_LIMIT_BYTES)
        else:
            refuse_large_body(self._task, text, BODY_LIMIT_BYTES)


class Siding:
    """What kombu's Producer asks of a channel; what is published there is kept by the recorder around it."""

    #: Who asks for the broker's address finds none.
    connection = None

    def prepare_message(self, *parts: Any) -> tuple[Any, ...]:
        return parts

    def basic_publish(self, message: tuple[Any, ...], *, routing_key: str, **_: Any) -> None:
        text, priority, content_type, content_encoding, headers, properties = message
        kind = {"content_type": content_type, "content_encoding": content_encoding, "priority": priority}
        _recorder.get().keep(text, headers, kind | properties, routing_key)


#: One for all messages, since it costs as much to make as the rest of a message's way through it.
_PRODUCER: Any = Producer(Siding())  # type: ignore[arg-type]
#: What a message passes there.
_KOMBUS_WAY = Shipped(
    (Producer, "publish"),
    (Producer, "_delivery_details"),
    (Producer, "_prepare"),
    (Producer, "_publish"),
    (Producer, "_get_channel"),
    (messaging, "dumps"),
)


def _due(task: str, eta: str | None) -> float | None:
    """The eta on a clock that nobody sets. Raises TooFarAhead."""
    if not eta:
        return None
    delay = moment_in(eta) - datetime.now(UTC)
    if delay > LONGEST_DELAY:
        raise TooFarAhead(task, delay.total_seconds(), LONGEST_DELAY)
    return time.monotonic() + delay.total_seconds()
