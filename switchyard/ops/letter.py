"""Shows all of one task's dead letters: what the copy says, and what they hold, which only the broker has."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from switchyard.deadletters.errors import errors_of, traceback_of
from switchyard.deadletters.letter import DeadLetter
from switchyard.deadletters.listing import details, summary
from switchyard.deadletters.places import places
from switchyard.deadletters.scan import Selection
from switchyard.ops import copies
from switchyard.ops.deadletters import Meant, of_copy
from switchyard.ops.pages import allowed, page, shown
from switchyard.ops.redaction import named, redacted
from switchyard.ops.search import Busy, search
from switchyard.ops.timeouts import NoAnswer, within
from switchyard.outage import Unavailable

MOST = 10

#: Headers that repeat, without names, what a page shows elsewhere.
SAID_BETTER = {"argsrepr", "kwargsrepr", "x-death"}
NOTHING: tuple[Any, ...] = (None, "", [], {}, [None, None])


@page("GET")
def one(request: HttpRequest, task_id: str) -> HttpResponse:
    """What they hold only for whoever may see that."""
    meant = Meant({"id": task_id})
    copied = of_copy(lambda: list(copies.newest_first(copies.meant(meant.given))[:MOST])).value or []
    queue = copied[0]["place"] if copied else None
    found, trouble = _seen(task_id, queue)
    may_read = allowed(request, "payload")
    letters = [_readable(letter, may_read=may_read) for letter in found]
    context = {"meant": meant, "letters": letters, "trouble": trouble, "task_id": task_id, "rows": copied}
    return shown(request, "deadletter", "Dead letter", context)


def _seen(task_id: str, queue: str | None) -> tuple[list[DeadLetter], str]:
    """What was found on the broker, or why nothing could be."""
    try:
        found = within(lambda: search(places(queue), Selection(task_id=task_id), MOST), "The broker")
    except (Unavailable, NoAnswer, Busy) as away:
        return [], str(away)
    return found.letters, "" if found.letters or found.whole else found.said


def _readable(letter: DeadLetter, *, may_read: bool) -> dict[str, Any]:
    error = errors_of([letter.task_id]).get(letter.task_id, "")
    found = details(letter, error, traceback_of(letter.task_id) if may_read else "")
    shown_to_all = {**summary(letter, error), "history": found["history"], "size": found["size"]}
    if not may_read:
        return shown_to_all
    held = {"arguments": named(letter.task, found["args"], found["kwargs"])} if "args" in found else {}
    held |= {name: _said(found[name]) for name in ("options", "body_start", "headers") if found.get(name)}
    return shown_to_all | {"held": redacted(held), "traceback": found["traceback"]}


def _said(part: Any) -> Any:
    """Without what says nothing, or says it where no name tells whether it is secret."""
    if not isinstance(part, dict):
        return part
    return {key: value for key, value in part.items() if key not in SAID_BETTER and value not in NOTHING}
