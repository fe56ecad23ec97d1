"""Says what fills the slots now: each task that runs, for how long, and for whom, as the workers tell it."""

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.broker.connection import opened
from switchyard.celery import attached
from switchyard.ops.redaction import named, redacted
from switchyard.routing import queue_of_key
from switchyard.text import printable, shortened

#: What a worker has to answer in. One that computes in its main process, or hangs, does not.
ANSWER_SECONDS = 3.0
#: Characters of a task's arguments.
LONGEST_KEY = 60


@dataclass(frozen=True, slots=True)
class Running:
    """``key`` is what the task was given, without what is secret: whom it is for is in there."""

    task: str
    key: str
    queue: str
    seconds: float
    worker: str
    id: str


def running() -> tuple[int, list[Running]]:
    """How many workers have answered, and what they run, the longest first. Raises NotYet or Unavailable."""
    with opened() as link:
        told = attached().control.inspect(timeout=ANSWER_SECONDS, connection=link).active() or {}
    found = [_running(worker, request) for worker, requests in told.items() for request in requests]
    return len(told), sorted(found, key=lambda each: -each.seconds)


def groups(found: list[Running], by: str) -> list[dict[str, Any]]:
    """By ``task`` or ``key``: slots, and the seconds they have been held for, most first."""
    held: dict[Any, list[float]] = defaultdict(list)
    for each in found:
        held[(each.task, each.key) if by == "key" else (each.task, "")].append(each.seconds)
    rows = [
        {"task": task, **({"key": key} if by == "key" else {})}
        | {"slots": len(seconds), "seconds": round(sum(seconds)), "longest": round(max(seconds))}
        for (task, key), seconds in held.items()
    ]
    return sorted(rows, key=lambda row: (-row["slots"], -row["seconds"]))


def _running(worker: str, request: Mapping[str, Any]) -> Running:
    began = request.get("time_start") or time.time()
    delivery = request.get("delivery_info") or {}
    return Running(
        task=printable(str(request["name"])),
        key=_key(request),
        queue=queue_of_key(delivery.get("routing_key")),
        seconds=max(0.0, time.time() - began),
        worker=worker,
        id=str(request["id"]),
    )


def _key(request: Mapping[str, Any]) -> str:
    args, kwargs = request.get("args") or (), request.get("kwargs") or {}
    if isinstance(args, str) or isinstance(kwargs, str):
        # As its sender has them shown.
        return shortened(printable(f"{args} {kwargs or ''}".strip()), LONGEST_KEY)
    given = redacted(named(request["name"], args, kwargs))
    said = ", ".join(f"{name}={json.dumps(value, default=str)}" for name, value in given.items())
    return shortened(printable(said), LONGEST_KEY)
