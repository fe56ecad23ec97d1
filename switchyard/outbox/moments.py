"""Reads the moments that a call names (countdown, eta, expires) and refuses what is none."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kombu.transport.native_delayed_delivery import MAX_NUMBER_OF_BITS_TO_USE

from switchyard.outbox.errors import MomentRefused, TooFarAhead

#: What the 28 levels of delayed delivery can count.
LONGEST_DELAY = timedelta(seconds=2**MAX_NUMBER_OF_BITS_TO_USE - 1)


def moment_in(text: str) -> datetime:
    """The moment that a header says: without a zone it is UTC, whatever the settings of either end.

    As Celery reads it, at the call and in the worker. Raises ValueError.
    """
    return _in_utc(datetime.fromisoformat(text))


def countdown_of(task: str, options: Mapping[str, Any]) -> int | None:
    """Whole seconds from now, never early; of an eta too (ISO text as well; without a zone it is UTC).

    Delayed delivery cuts fractions off and then refuses 0 (``calculate_routing_key`` in kombu's
    ``native_delayed_delivery``), which would drop the message of a retry after 0.4 s.
    Raises MomentRefused, and TooFarAhead above LONGEST_DELAY.
    """
    countdown, eta = options.get("countdown"), options.get("eta")
    if countdown is not None:
        seconds = _seconds(task, "countdown", countdown)
    elif eta is not None:
        seconds = (_moment(task, "eta", eta) - datetime.now(UTC)).total_seconds()
    else:
        return None
    if seconds > LONGEST_DELAY.total_seconds():
        raise TooFarAhead(task, seconds, LONGEST_DELAY)
    return max(0, math.ceil(seconds))


def refuse_expiry(task: str, expires: Any) -> None:
    """Raise MomentRefused for what is neither a moment nor seconds from now."""
    if isinstance(expires, datetime | str):
        _moment(task, "expires", expires)
    elif expires is not None:
        seconds = _seconds(task, "expires", expires)
        try:
            datetime.now(UTC) + timedelta(seconds=seconds)
        except OverflowError as reason:
            raise MomentRefused(task, "expires", expires) from reason


def _seconds(task: str, option: str, value: Any) -> float:
    try:
        seconds = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise MomentRefused(task, option, value)
    return seconds


def _moment(task: str, option: str, value: Any) -> datetime:
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as reason:
        raise MomentRefused(task, option, value) from reason
    if not isinstance(when, datetime):
        raise MomentRefused(task, option, value)
    return _in_utc(when)


def _in_utc(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)
