"""One thing that is done to the service, and the alerts that must follow it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.alerts.service import Service


@dataclass(frozen=True)
class Fault:
    """``begin`` and ``end`` return at once or when what they did has happened."""

    name: str
    #: Each of them must come, and go after ``end``.
    alerts: tuple[str, ...]
    begin: Callable[[Service], None]
    end: Callable[[Service], None]
    #: The issue's promise for growth is 120; others are held to their rule and to what a busy machine needs.
    within_seconds: float = 180
    #: What may come too, being right, if the fault stays for long enough.
    also: tuple[str, ...] = ()
    #: What the alert tells of is past at once, so the alert ends by itself.
    passes: bool = False


#: Faults that do not touch each other and are therefore done at a time.
Round = tuple[Fault, ...]
