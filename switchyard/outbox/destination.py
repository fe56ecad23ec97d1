"""Refuses a message that no route leads to a queue, and one whose next task has none.

By name and not by registration: the tasks of another service, or of another release, are called by their
names, and have a route.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from switchyard.outbox.errors import DestinationRefused, NoRoute
from switchyard.routing import QUEUE_HEADER, mapped_queue, queue_for

#: Where a canvas inside a message (a group, a chord, a map) holds its parts.
PARTS = ("tasks", "header", "body", "task")
#: Where a signature holds what comes after it.
FOLLOWING = ("link", "link_error", "chord", "chain")


def refuse_unrouted(app: Any, name: str, message: Any, headers: Mapping[str, Any]) -> None:
    """Raise NoRoute for a task, or one in its callbacks, chain or chord, that no route leads anywhere.

    And DestinationRefused for a queue that one of these names, which nobody has declared. A retry goes back
    to the queue that it came from, with a route or without one.
    """
    if message.headers.get("retries"):
        return
    if QUEUE_HEADER not in headers and not _has_route(app, name):
        raise NoRoute(name, name)
    for following in filter(None, message.body[2].values()):
        for each, queue in _called_in(following):
            if queue is not None and mapped_queue(queue) is None:
                raise DestinationRefused(each, "queue", queue)
            if queue is None and not _has_route(app, each):
                raise NoRoute(each, name)


def _called_in(signatures: Any) -> Iterator[tuple[Any, Any]]:
    """Task and named queue of each signature, however deep it lies in canvases and in what comes after."""
    if isinstance(signatures, list | tuple):
        for each in signatures:
            yield from _called_in(each)
    elif isinstance(signatures, Mapping) and "task" in signatures:
        options = signatures.get("options") or {}
        yield signatures["task"], options.get("queue")
        yield from _called_in([options.get(place) for place in FOLLOWING])
        if signatures.get("subtask_type"):
            kwargs = signatures.get("kwargs") or {}
            yield from _called_in([kwargs.get(place) for place in PARTS])


def _has_route(app: Any, name: Any) -> bool:
    if not isinstance(name, str):
        return False
    # Looked up once already, when the task was bound.
    return bool(getattr(app.tasks.get(name), "routed_to", "")) or queue_for(name) is not None
