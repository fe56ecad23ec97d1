"""Defines why a call of a task is refused. Nothing has been sent when one of these is raised.

TaskCallError (TypeError)
├── DestinationRefused    an undeclared queue, an exchange or a serializer was named at call time
├── ModelRefused          a model instance or queryset is among the arguments
├── NotJson               an argument has no JSON form
├── MessageTooLarge       its arguments or its canvas are larger than a message may be
├── MessageRefused        the broker does not take it, and never will
├── CompressionRefused    it is to be compressed in a way that no worker reads
├── HeadersTooLarge       its headers (stamps) are
├── HeadersNotFinite      there is a NaN or an infinity among them
├── HeaderRefused         one of them, or its id, is nothing that a worker takes
├── NoRoute               no route leads to a queue for it
├── MomentRefused         its countdown, eta or expiry is no moment
└── TooFarAhead           its eta is further away than delayed delivery can count

ReturnRefused (EncodeError)  what a task returned cannot be handed to the task that comes after it
ChordRefused (EncodeError)   what the parts of a chord returned cannot be handed to its body
"""

import reprlib
from datetime import timedelta
from typing import Any

from kombu.exceptions import EncodeError

from switchyard.routing import HOME, HOW_TO_NAME_A_QUEUE, QUEUES


class TaskCallError(TypeError):
    """A task was called in a way that would lose its message or run it on wrong data."""


class DestinationRefused(TaskCallError):
    def __init__(self, task: str, option: str, value: Any) -> None:
        why = {
            "queue": f"which is not a declared queue. {HOW_TO_NAME_A_QUEUE}",
            "serializer": "but messages are written as JSON alone. Leave it out.",
        }
        super().__init__(
            f"{task} was called with {option}={value!r}, "
            + why.get(option, f"which a delayed retry would forget. Name a queue, or route {task} in {HOME}.")
        )


class ModelRefused(TaskCallError):
    def __init__(self, task: str, where: str, value: Any) -> None:
        super().__init__(
            f"{task} was called with {type(value).__name__} as {where}, but the row may have changed by the "
            f"time the task runs. Pass its primary key ({where}.pk) and read the row in the task."
        )


class NotJson(TaskCallError):
    def __init__(self, task: str, reason: Exception) -> None:
        super().__init__(
            f"{task} was called with an argument that JSON cannot hold: {reason}. Pass numbers, text, "
            "booleans, None, dates, UUIDs, and lists and dictionaries of them."
        )


class MessageTooLarge(TaskCallError):
    def __init__(self, task: str, size: int, limit: int) -> None:
        super().__init__(
            f"{task} was called with {size:,} bytes of arguments and callbacks, but a message holds at most "
            f"{limit:,}. Keep the data in the database, or a file store, and pass its key."
        )


class MessageRefused(TaskCallError):
    def __init__(self, task: str, reason: str) -> None:
        super().__init__(
            f"{task} was called with a message that RabbitMQ refuses: {reason}. The options of the call "
            "(expiration, priority, headers) must be such as AMQP has; what is too large belongs in the "
            "database, or a file store, and its key into the message (max_message_size in rabbitmq.conf)."
        )


class CompressionRefused(TaskCallError):
    def __init__(self, task: str, said: Any, known: str) -> None:
        super().__init__(
            f"{task} was called with compression={said!r}, which no worker here decompresses. Write {known} "
            "at the call, in the task's decorator or as CELERY_TASK_COMPRESSION, or leave it out."
        )


class HeadersTooLarge(TaskCallError):
    def __init__(self, task: str, size: int, limit: int) -> None:
        super().__init__(
            f"{task} was called with {size:,} bytes of headers (stamps among them), but a message holds at "
            f"most {limit:,} of these. Pass what is large as an argument, or its key."
        )


class HeadersNotFinite(TaskCallError):
    def __init__(self, task: str) -> None:
        super().__init__(
            f"{task} was called with NaN or an infinity among its headers (stamps among them), which "
            "RabbitMQ cannot read: it ends the connection. Pass a finite number or None, or make it an "
            "argument."
        )


class HeaderRefused(TaskCallError):
    def __init__(self, task: str, fault: str) -> None:
        super().__init__(
            f"{task} was called with a message that its worker would refuse: {fault}. What a message says "
            "beside its arguments comes from the options of the call (task_id, headers, time_limit, stamps). "
            "Correct it there, or pass it as an argument, which may be any text."
        )


class NoRoute(TaskCallError):
    def __init__(self, task: Any, caller: str) -> None:
        after = "" if task == caller else f" (to come after {caller})"
        domain = task.partition(".")[0] if isinstance(task, str) else "domain"
        super().__init__(
            f"{task!r} was called{after}, but no route leads from that name to a queue: it would wait where "
            f"no worker knows it. Correct the name, or add a line to ROUTES in {HOME}, for example "
            f'"{domain}.*": "QUEUE" with one of {", ".join(QUEUES)}.'
        )


class MomentRefused(TaskCallError):
    def __init__(self, task: str, option: str, value: Any) -> None:
        wanted = {
            "countdown": "a finite number of seconds",
            "eta": "a datetime, or one as text in ISO 8601",
            "expires": "a finite number of seconds, a datetime, or one as text in ISO 8601",
        }
        super().__init__(
            f"{task} was called with {option}={reprlib.repr(value)}, but {option} must "
            f"be {wanted[option]}. Correct it at the call."
        )


class TooFarAhead(TaskCallError):
    def __init__(self, task: str, seconds: float, limit: timedelta) -> None:
        super().__init__(
            f"{task} was called for a moment {seconds // 86_400:,.0f} days ahead, but a message can wait at "
            f"most {limit.days:,} days. Keep the date in a row, and send the task from the schedule when it "
            "has come."
        )


class ReturnRefused(EncodeError):
    """Not a call's fault but the task's own. Celery fails a task in good order for an EncodeError alone."""

    def __init__(self, task: str, value: Any, reason: object) -> None:
        super().__init__(
            f"{task} returned {type_name(value)}, which the task that waits for it (in a chain, a callback "
            f"or a chord) cannot be given: {reason}. Return numbers, text, booleans, None, dates, UUIDs, and "
            "lists and dictionaries of them; of what is large, a key."
        )


class ChordRefused(EncodeError):
    """Ends the part that came last: its dead letter is what is seen of a body that can never be called."""

    def __init__(self, task: str, reason: TaskCallError) -> None:
        super().__init__(
            f"All parts of the chord of {task} have ended, but its body cannot be called with what they "
            f"returned: {reason}"
        )


def type_name(value: object) -> str:
    """The class of a value with its module, as an error names it."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
