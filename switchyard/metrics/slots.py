"""Gives the counts of a web process that ended to the one that takes its place.

prometheus-client has a file for each process, named by its number, and none is ever removed: a process that
is replaced (a time-out, a reload, a crash) leaves two behind, which every scrape reads for as long as web
lives. Here a file is named by the process's place among those that live, so that its next holder counts on.
"""

import os
from itertools import count
from typing import Any

from prometheus_client import values

#: What a gunicorn worker keeps its place in.
_PLACE = "switchyard_place"


def take_place(arbiter: Any, worker: Any) -> None:
    """Choose the first place that no living process has. Called in the arbiter, before it forks."""
    taken = {getattr(other, _PLACE, None) for other in arbiter.WORKERS.values()}
    setattr(worker, _PLACE, next(place for place in count(1) if place not in taken))


def count_in_place(arbiter: Any, worker: Any) -> None:
    """Count into the files of the place. Called in the process itself, before it makes any metric.

    The arbiter's number is a part of the name: while one is exchanged for another (SIGUSR2) both have
    processes.
    """
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        name = f"{arbiter.pid}-{getattr(worker, _PLACE)}"
        values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]
