"""Exceptions and return values that are hard to store, to pickle or to print."""

import threading
from collections.abc import Callable
from typing import Any

MEBIBYTE = 1024 * 1024


class Unpicklable(Exception):
    """Holds a lock, which pickle refuses, and takes another number of arguments than it hands on."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"{name} number {number}")
        self.lock = threading.Lock()


class Unloadable(Exception):
    """Goes into a pickle and comes out of none, for it hands on less than it takes; libraries have many."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class UnpicklableValue(ValueError):
    """Of which Celery would make a plain ValueError."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


class Mute(Exception):
    """Says nothing: not as text, not as itself, not to pickle."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no self")

    def __reduce__(self) -> Any:
        raise RuntimeError("no pickle")


class Worded(Exception):
    """Whose text is not among its arguments."""

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "worded by its class"


class Opaque:
    """Has no form in JSON."""

    def __repr__(self) -> str:
        return "<opaque \x00 \udcff>"


class OpaqueAndMute:
    def __repr__(self) -> str:
        raise RuntimeError("no self")


def _chained() -> BaseException:
    error = Unpicklable("chained", 7)
    error.__cause__ = OSError("the first \x00 cause")
    return error


def _circular() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


#: What a task raises, by the word that its caller says.
RAISED: dict[str, Callable[[], BaseException]] = {
    "hostile": lambda: ValueError("nul \x00 and \udcff and \u202e and \U0001f600"),
    "unpicklable": lambda: Unpicklable("lock", 1),
    "unpicklable value": lambda: UnpicklableValue("my own text"),
    "unloadable": lambda: Unloadable("no such card", 402),
    "mute": Mute,
    "worded": Worded,
    "huge": lambda: ValueError("x" * 10 * MEBIBYTE),
    "many": lambda: ValueError(*range(100_000)),
    "group": lambda: ExceptionGroup("both \udcff", [ValueError("one"), Unpicklable("two", 2)]),
    "chained": _chained,
    "bytes": lambda: ValueError(b"\x00\xff", {1: object()}),
}

#: What a task returns, likewise.
RETURNED: dict[str, Callable[[], Any]] = {
    "opaque": Opaque,
    "mute": OpaqueAndMute,
    "circular": _circular,
    "error": lambda: {"error": AssertionError("told, not raised")},
    "hostile": lambda: "nul \x00 and \udcff",
    "number": lambda: 7,
}
