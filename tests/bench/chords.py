"""What the end of a chord's part costs, beside the result backend that Celery's users of Django have.

The worker is ours in both cases, so what shows is the join and what waits for it. Parts and notes share io's
slots and its ten connections: a note's wait is what a lock that everybody queues for does to the other work.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

from celery import chord, signature
from django_celery_results.backends.database import DatabaseBackend

from app.celery import app
from app.queues import IO
from switchyard import send_on_commit
from tests.bench.figures import Figure, percentile
from tests.bench.waits import waits
from tests.bench.yard import Yard
from tests.live.processes import eventually

PART = "chords"
NOTES, NOTES_PER_SECOND = 50, 5
STOCK = {"DJANGO_SETTINGS_MODULE": "tests.bench.stock_results"}
#: A chord of ours of 20,000 parts takes some minutes, and one of stock's of 2,000 too where it is quadratic.
PATIENCE_SECONDS = 1800


@dataclass(frozen=True)
class Course:
    seconds: float
    waits: list[float]


def measure(yard: Yard) -> Iterator[Figure]:
    few, many = yard.times(2_000), yard.times(20_000)
    ours = _course(yard, few, {})
    with _stock_backend():
        theirs = _course(yard, few, STOCK)
    large = _course(yard, many, {})
    of = f"of {few:,} parts"
    yield Figure(PART, f"chord {of}", ours.seconds, "s", control=theirs.seconds, control_is="stock's backend")
    yield Figure(PART, f"chord {of} over stock's", ours.seconds / theirs.seconds, "x", reach=1.2)
    each = (large.seconds / many) / (ours.seconds / few)
    yield Figure(PART, f"a part of {many:,} over one {of}", each, "x", reach=1.2)
    yield Figure(
        PART,
        f"io wait beside a chord {of}, p50",
        percentile(ours.waits, 0.5) * 1000,
        "ms",
        control=percentile(theirs.waits, 0.5) * 1000,
        control_is="stock's backend",
    )


def _course(yard: Yard, parts: int, settings: dict[str, str]) -> Course:
    """From the worker's first part to the body; and the waits of notes that are sent meanwhile."""
    path = yard.mark_path()
    header = [signature(f"bench.{IO.name}_part", (number,), app=app) for number in range(parts)]
    send_on_commit(chord(header, signature(f"bench.{IO.name}_joined", (str(path),), app=app)))
    yard.relay_all()
    worker = yard.processes.worker(IO.name, env=settings)
    began = time.time()
    relay = yard.processes.relay()
    found: list[float] = []
    notes = Thread(target=lambda: found.extend(_notes(yard)))
    notes.start()
    eventually(path.exists, within=PATIENCE_SECONDS, what=f"the body of {parts} parts")
    joined: dict[str, Any] = json.loads(path.read_text())
    assert joined["parts"] == parts, joined
    notes.join()
    yard.end(worker, relay)
    return Course(joined["at"] - began, found)


def _notes(yard: Yard) -> list[float]:
    return waits(yard.mark_path(), f"bench.{IO.name}_note", NOTES, NOTES_PER_SECOND)


@contextmanager
def _stock_backend() -> Iterator[None]:
    """A chord is noted by its sender's backend."""
    ours, app._local.backend = app.backend, DatabaseBackend(app=app)
    yield
    app._local.backend = ours
