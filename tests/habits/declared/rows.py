"""What is seen of each declaration: a function a row, run in a process of the project beside its workers.

The name of a row is what the table of the documentation has in its first column.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shop.models import Note

from declared import tasks
from tests.polling import eventually

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
    said = Note.objects.filter(key=key).order_by("pk").values_list("text", flat=True)
    eventually(lambda: said.count() >= count, within=PATIENCE_SECONDS, what=f"{count} notes of {key}")
    return [*said]


@row("`max_retries=1`", here=["run 0", "run 1", "gives up"], stock=["run 0", "run 1", "gives up"])
def max_retries() -> list[str]:
    key = uuid4().hex
    tasks.retries_once.delay(key)
    return notes(key, 3)
