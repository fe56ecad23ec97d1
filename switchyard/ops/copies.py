"""Searches, counts and groups the copy of the dead letters: all of them, whatever a queue holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from switchyard.celery import tasks
from switchyard.deadletters.models import Copy

#: Kinds that are told apart on a page, and rows of its list.
MOST_GROUPS = 20
LISTED = 100
COLUMNS = ("died_at", "place", "reason", "task", "error", "fault", "deaths", "task_id")
UNKNOWN = "this release knows no such task"

Rows = QuerySet[Copy]


@dataclass(frozen=True, slots=True)
class Groups:
    """By queue, task and reason, the most frequent first; ``others`` is how many there are beyond."""

    rows: list[dict[str, Any]]
    total: int

    @property
    def others(self) -> int:
        shown: int = sum(row["count"] for row in self.rows)
        return self.total - shown


def meant(given: Mapping[str, str]) -> Rows:
    """As ``Selection`` matches (switchyard/deadletters/scan.py): what is not said matches everything."""
    found: Rows = Copy.objects.all()
    if given.get("queue"):
        found = found.filter(place=given["queue"])
    if given.get("reason"):
        found = found.filter(reason=given["reason"])
    if given.get("id"):
        found = found.filter(task_id=given["id"])
    if given.get("task"):
        found = found.filter(task__regex=regex(given["task"]))
    return found


def newest_first(found: Rows) -> QuerySet[Copy, Any]:
    rows: QuerySet[Copy, Any] = found.order_by("-died_at", "identity").values(*COLUMNS)
    return rows


def groups(found: Rows) -> Groups:
    counted: QuerySet[Copy, Any] = found.order_by().values("place", "task", "reason")
    most = counted.annotate(count=Count("*")).order_by("-count")[:MOST_GROUPS]
    return Groups(list(most), found.count())


def newest(found: Rows) -> Any:
    """When the last of them died; None if there is none."""
    return found.aggregate(newest=Max("died_at"))["newest"]


def not_replayable(found: Rows) -> list[dict[str, Any]]:
    """Of each reason why some cannot be sent again: how many. The job looks at each itself."""
    wrong = found.order_by().filter(~Q(fault="") | ~Q(task__in=list(tasks())))
    counted = wrong.values("place", "task", "fault").annotate(count=Count("*")).order_by("-count")
    return [row | {"why": row["fault"] or UNKNOWN} for row in counted[:MOST_GROUPS]]


def regex(pattern: str) -> str:
    """A pattern of ROUTES, as PostgreSQL understands it."""
    parts, rest = [], pattern
    while rest:
        letter, rest = rest[0], rest[1:]
        end = rest.find("]", 2 if rest.startswith("!") else 1)
        if letter == "[" and end > 0:
            inside, rest = rest[:end], rest[end + 1 :]
            parts.append(_one_of(inside))
        else:
            parts.append({"*": ".*", "?": "."}.get(letter) or _plain(letter))
    return f"^{''.join(parts)}$"


def _one_of(inside: str) -> str:
    negated = inside.startswith("!")
    letters = inside[negated:].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    letters = f"\\{letters}" if letters.startswith("^") else letters
    return f"[{'^' if negated else ''}{letters}]"


def _plain(letter: str) -> str:
    return letter if letter.isalnum() or letter == "_" else f"\\{letter}"
