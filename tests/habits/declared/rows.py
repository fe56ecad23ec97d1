"""What is seen of each declaration: a function a row, run in a process of the project beside its workers.

The name of a row is what the table of the documentation has in its first column.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shop.models import Note

from declared import tasks

#: For a loaded machine; nothing is measured by it.
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Row:
    """``see`` returns what JSON can hold; ``here`` is what it shall be, ``stock`` what it is without us."""

    declared: str
    see: Callable[[], Any]
    here: Any
    stock: Any


ROWS: list[Row] = []


def row(declared: str, *, here: Any, stock: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def add(see: Callable[[], Any]) -> Callable[[], Any]:
        ROWS.append(Row(declared, see, here, stock))
        return see

    return add


def notes(key: str, count: int) -> list[str]:
    """The first ``count`` of what was said under a key."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = [*Note.objects.filter(key=key).order_by("pk").values_list("text", flat=True)]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{key}: {found}, expected {count}")


@row("`max_retries=1`", here=["run 0", "run 1", "gives up"], stock=["run 0", "run 1", "gives up"])
def max_retries() -> list[str]:
    key = uuid4().hex
    tasks.retries_once.delay(key)
    return notes(key, 3)
