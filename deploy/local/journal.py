"""What happened to every task, read from the lines that the roles write."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.queues import QUEUES

#: Nobody's work: they only measure how long the others wait.
CANARIES = frozenset(spec.canary_task for spec in QUEUES.values())
SUCCEEDED = frozenset({"succeeded"})
FAILED = frozenset({"failed", "rejected"})


@dataclass
class QueueRecord:
    """Of one queue: task ids by what became of them, and milliseconds of each execution."""

    sent: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    waits_ms: list[float] = field(default_factory=list)
    runs_ms: list[float] = field(default_factory=list)

    @property
    def open(self) -> set[str]:
        return self.sent - self.done - self.failed


class Journal:
    """Follows log files as they grow. A retried task keeps its id: it is sent once, however often it ran."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._offsets = dict.fromkeys(files, 0)
        self.queues: defaultdict[str, QueueRecord] = defaultdict(QueueRecord)
        self.names: dict[str, str] = {}

    def read(self) -> None:
        """Takes in what was written since the last call, up to the last complete line."""
        for file, offset in self._offsets.items():
            new = _from(file, offset)
            complete = new.rfind(b"\n") + 1
            self._offsets[file] = offset + complete
            self.take(new[:complete].splitlines())

    def take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            match _event(line):
                case {"task": task} if task in CANARIES:
                    continue
                # Both, of a task that went by way of the outbox: it counts from when it was accepted.
                case {
                    "event": "task_accepted" | "task_sent",
                    "queue": queue,
                    "task_id": task_id,
                    "task": task,
                }:
                    self.names[task_id] = task
                    self.queues[queue].sent.add(task_id)
                case {"event": "task_finished", "queue": queue} as event:
                    _finish(self.queues[queue], event)

    @property
    def open(self) -> set[str]:
        """Tasks that were sent and have neither succeeded nor failed for good."""
        return set().union(*(record.open for record in self.queues.values()))

    @property
    def failed(self) -> set[str]:
        return set().union(*(record.failed for record in self.queues.values()))


def _finish(record: QueueRecord, event: Mapping[str, Any]) -> None:
    record.waits_ms.append(event["wait_ms"])
    record.runs_ms.append(event["run_ms"])
    if event["outcome"] in SUCCEEDED:
        record.done.add(event["task_id"])
        record.failed.discard(event["task_id"])
    elif event["outcome"] in FAILED and event["task_id"] not in record.done:
        record.failed.add(event["task_id"])


def _event(line: bytes) -> Any:
    """The line's JSON, or nothing: a traceback or a library's own words may stand between the events."""
    try:
        return json.loads(line) if line.startswith(b"{") else None
    except ValueError:
        return None


def _from(file: Path, offset: int) -> bytes:
    if not file.exists():
        return b""
    with file.open("rb") as handle:
        handle.seek(offset)
        return handle.read()
