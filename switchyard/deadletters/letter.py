"""Reads one dead letter without trusting what is in it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from kombu.message import Message

from switchyard.broker.declarations import DELAYED
from switchyard.broker.frames import UNREADABLE
from switchyard.outbox.header_rules import is_name
from switchyard.queues import UNROUTABLE
from switchyard.worker.message import fault_of

#: The reason of a dead letter whose properties, its death history among them, cannot be decoded.
UNREADABLE_REASON = "unreadable"
#: Why a message is where a person decides about it.
REASONS = ("rejected", "delivery_limit", "expired", "maxlen", UNROUTABLE, UNREADABLE_REASON)

#: What the broker calls each rejection, and what one is called that comes of too many lost runs: as the
#: broker's own limit is, which older releases used.
REJECTED, DELIVERY_LIMIT = "rejected", "delivery_limit"


@dataclass(frozen=True, slots=True)
class Death:
    """One entry of the history that RabbitMQ writes into the message (``x-death``)."""

    queue: str
    reason: str
    count: int
    at: datetime | None


class DeadLetter:
    """A message that waits in the place ``queue`` (deadletters/places.py), held but not taken out."""

    def __init__(self, queue: str, message: Message, given_up: Collection[str] = ()) -> None:
        """``given_up``: ids of tasks whose workers have rejected them for their delivery limit."""
        self._given_up = given_up
        self.queue = queue
        self.message = message
        self.headers: Mapping[Any, Any] = message.headers

    @property
    def body(self) -> bytes:
        body = self.message.body
        return body.encode() if isinstance(body, str) else bytes(body or b"")

    @property
    def task(self) -> str:
        """The task's name; empty if the message names none."""
        return _name(self.headers.get("task"))

    @property
    def task_id(self) -> str:
        return _name(self.headers.get("id"))

    @property
    def reason(self) -> str:
        """One of REASONS; empty if nothing says why."""
        if UNREADABLE in self.headers:
            return UNREADABLE_REASON
        if self.unrouted:
            return UNROUTABLE
        reason = self._last.reason if self._last else ""
        return DELIVERY_LIMIT if reason == REJECTED and self.task_id in self._given_up else reason

    @property
    def unrouted(self) -> bool:
        """Whether it has never run: nothing has ended it but the waits of its countdown."""
        return self.queue == UNROUTABLE and (self._last is None or self._last.queue.startswith(DELAYED))

    @property
    def meant_for(self) -> str:
        """The queue that one without a queue was for: its routing key without the bits of its countdown."""
        return _name(str(self.message.delivery_info.get("routing_key", "")).rpartition(".")[2])

    @property
    def died_at(self) -> datetime | None:
        return self._last.at if self._last else None

    @property
    def deaths(self) -> int:
        """How often it was dead-lettered from its work queue."""
        return sum(death.count for death in self.history if death.queue == self.queue)

    @cached_property
    def history(self) -> list[Death]:
        """Every death, the last one first. Each wait in a delayed queue (a countdown) ends in one too."""
        return list(_deaths(self.headers.get("x-death")))

    @cached_property
    def fault(self) -> str:
        """Why it is no task message; empty if it is one."""
        return fault_of(self.message)

    @property
    def chord(self) -> str:
        """Id of the chord whose part it is; empty if it is none's."""
        if self.fault or not _name(self.headers.get("group")):
            return ""
        _, _, options = self.message.decode()
        return _name(self.headers.get("group")) if options.get("chord") else ""

    @cached_property
    def identity(self) -> str:
        """The same for this very dead letter at each look, and another for every other.

        A task that is replayed and dies again is another one: a replay leaves its mark in the headers. Two
        copies of one message that died in the same second are the same one.
        """
        # What the broker counts as it hands the message out: x-delivery-count, x-acquired-count and more.
        lasting = {key: value for key, value in self.headers.items() if not _is_counter(key)}
        properties = {
            key: value for key, value in self.message.properties.items() if key != "application_headers"
        }
        facts = [self.queue, *(sorted(map(repr, part.items())) for part in (lasting, properties))]
        return sha256(repr(facts).encode("utf-8", "backslashreplace") + self.body).hexdigest()

    @property
    def _last(self) -> Death | None:
        ours = (death for death in self.history if death.queue == self.queue)
        return next(ours, self.history[0] if self.history else None)


def _name(value: Any) -> str:
    return value if is_name(value) else ""


def _is_counter(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("x-") and key != "x-death"


def _deaths(value: Any) -> Iterator[Death]:
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, dict):
            count, time = entry.get("count"), entry.get("time")
            yield Death(
                queue=_name(entry.get("queue")),
                reason=_name(entry.get("reason")),
                count=count if isinstance(count, int) else 1,
                at=time.replace(tzinfo=UTC) if isinstance(time, datetime) else None,
            )
