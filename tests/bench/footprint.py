"""What a message that waits takes in the broker, and in the outbox."""

import os
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx
from django.conf import settings
from django.db import connection

from switchyard.outbox.models import Message
from tests.bench.backlog import NOOP, Call, fill
from tests.bench.figures import Figure
from tests.bench.yard import Yard

PART = "footprint"
ROWS, LARGE_ROWS = 100_000, 20_000
#: The broker's own figures of its memory swing; what is said is the median of so many looks, so far apart.
LOOKS, APART_SECONDS = 7, 1.0
SMALL = NOOP
#: Nothing that is compressed would be 10 kB.
LARGE: Call = (NOOP[0], (b64encode(Random(1).randbytes(7_500)).decode(), 2))


def measure(yard: Yard) -> Iterator[Figure]:
    for what, call, rows in (("small", SMALL, ROWS), ("10 kB", LARGE, LARGE_ROWS)):
        yield from _waiting(yard, what, call, yard.times(rows))


def _waiting(yard: Yard, what: str, call: Call, rows: int) -> Iterator[Figure]:
    yard.purge()
    memory, disk, table = _memory(), _disk(yard), _table()
    fill(call, rows)
    yield Figure(PART, f"body, {what}", float(_body()), "bytes")
    yield Figure(PART, f"database, a row, {what}", (_table() - table) / rows, "bytes")
    yard.relay_all()
    yield Figure(PART, f"broker's memory, a message, {what}", (_settled(_memory) - memory) / rows, "bytes")
    yield Figure(PART, f"broker's disk, a message, {what}", (_disk(yard) - disk) / rows, "bytes")


def _settled(figure: Callable[[], float]) -> float:
    looks = []
    for _ in range(LOOKS):
        time.sleep(APART_SECONDS)
        looks.append(figure())
    return sorted(looks)[LOOKS // 2]


def _memory() -> float:
    """Of all nodes, as they count it towards their alarm: until the log of the queues is full, bodies too."""
    nodes = httpx.get(f"{settings.SWITCHYARD_BROKER_MANAGEMENT_URL}/api/nodes", timeout=60).json()
    return float(sum(node["mem_used"] for node in nodes))


def _disk(yard: Yard) -> float:
    """What the files of the broker take, of which a quorum queue fills one after the other."""
    used = 0
    for folder, _, names in os.walk(yard.folder / "rabbitmq"):
        for name in names:
            try:
                used += (Path(folder) / name).stat().st_blocks * 512
            except FileNotFoundError:
                # The broker has written it anew meanwhile.
                continue
    return float(used)


def _table() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('switchyard_outbox')")
        (size,) = cursor.fetchone()
    return float(size)


def _body() -> int:
    return len(Message.objects.values_list("body", flat=True)[0].encode())
