"""Waits for something to become true, and not for longer than a deadline."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Long enough for a machine of two cores with three brokers on it; what is late on purpose says its own.
DEADLINE_SECONDS = 180
#: No test holds a task for longer; one whose test has died ends.
GATE_SECONDS = 600


def eventually(
    look: Callable[[], Any], *, within: float = DEADLINE_SECONDS, what: str = "", every: float = 0.05
) -> Any:
    """The first true value of ``look``, asked again and again until the deadline (seconds)."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {what or look} (last: {found!r})"
        time.sleep(every)
    return found


def wait_for(path: str) -> None:
    """Until that file is there: the sign for a task under test to go on."""
    eventually(Path(path).exists, within=GATE_SECONDS, what=path)
