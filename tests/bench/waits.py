"""How long tasks wait that are sent one by one: from the call in a request to the start in a worker."""

import time
from pathlib import Path

from django.db import transaction

from app.celery import app
from tests.bench.yard import PATIENCE_SECONDS
from tests.live.processes import eventually


def waits(path: Path, task: str, count: int, per_second: float) -> list[float]:
    """Seconds from each call to the start of its task ``note``, through outbox and relay."""
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        with transaction.atomic():
            app.tasks[task].delay_on_commit(str(path), time.time())
    return noted(path, count)


def noted(path: Path, count: int) -> list[float]:
    """What the tasks wrote, when all of them have."""
    eventually(
        lambda: len(_lines(path)) >= count, within=PATIENCE_SECONDS, what=f"{count} lines in {path.name}"
    )
    return list(map(float, _lines(path)))


def _lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []
