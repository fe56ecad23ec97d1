"""Reads how often RabbitMQ has handed a message out, of what it adds to the message's headers.

A quorum queue counts what came back. Since 4.3 what it counts towards its limit is apart from all of it;
before that there is one count, of everything. At the first delivery there is none. What is no number there is
a sender's own, and counts as none.
"""

from typing import Any

#: Towards the queue's limit.
COUNTED = "x-delivery-count"
#: All of them, since 4.3.
ACQUIRED = "x-acquired-count"


def deliveries(headers: Any) -> int:
    """How often it was handed out, this time included. ``headers``, or a task's request, which has them."""
    return 1 + max(failed(headers), _number(headers, ACQUIRED) or 0)


def failed(headers: Any) -> int:
    """How many of these the broker counts as failed; before 4.3 all but this one."""
    return _number(headers, COUNTED) or 0


def given_back(headers: Any) -> int:
    """How often it was given back, and not lost; before 4.3 both together."""
    acquired = _number(headers, ACQUIRED)
    return failed(headers) if acquired is None else acquired - failed(headers)


def _number(headers: Any, name: str) -> int | None:
    value = headers.get(name)
    return value if isinstance(value, int) else None
