"""Runs looks at the same time, each within its own seconds, and notes what each has found."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import psycopg
from django.db import Error

from switchyard.broker.management import ManagementError
from switchyard.conf import conf
from switchyard.deadline import BoundedRead
from switchyard.outage import NotYet, Unavailable, first_line

#: Within these a look has to be over, and all of them with it, as they are begun at once.
SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a look has seen. It is well unless there is something to mend."""

    says: str
    #: A sentence with the command that mends it.
    mend: str = ""


class NotSeen(Exception):
    """A look could not be had. Says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    read: Callable[[], Found]
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """``state`` is unknown where nobody could look: that counts as bad."""

    name: str
    state: Literal["green", "bad", "unknown"]
    says: str
    mend: str = ""


def answers(looks: Iterable[Look]) -> list[Answer]:
    """In the order of the looks. One that hangs is left to end by itself, unheard."""
    began = time.monotonic()
    begun = [(look, BoundedRead(look.read, look.seconds).begin()) for look in looks]
    found = []
    for look, future in begun:
        try:
            seen = future.result(max(0.0, began + look.seconds - time.monotonic()))
        except TimeoutError:
            said = f"No answer within {look.seconds:g} s: a server that hangs, or a lock. {_who_waits()}"
            found.append(Answer(look.name, "unknown", said))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this look's alone
            found.append(Answer(look.name, "unknown", _sentence(error)))
        else:
            state: Literal["green", "bad"] = "bad" if seen.mend else "green"
            found.append(Answer(look.name, state, seen.says, seen.mend))
    return found


def _sentence(error: Exception) -> str:
    """Those that are written for people say what mends it themselves."""
    if isinstance(error, NotSeen | ManagementError | NotYet | Unavailable):
        return str(error)
    if "statement timeout" in str(error):
        return f"PostgreSQL did not answer in time: it is slow, or a table is locked. {_who_waits()}"
    if isinstance(error, Error | psycopg.Error):
        return f"PostgreSQL did not say it ({first_line(error)})."
    return f"{type(error).__name__}: {first_line(error)}"


def _who_waits() -> str:
    return f"`{conf.COMMAND} database locks` says who waits for whom."
