"""A backlog on one queue does not make the other wait."""

import time

from app.celery import app
from tests.gallery.models import Run
from tests.live.processes import Processes, eventually

PROBES = 100
FLOOR_SECONDS = 0.1


def io_wait_p99(label: str) -> float:
    """Send io tasks one after another; the 99th percentile of the seconds each waited."""
    waits = []
    for number in range(PROBES):
        key, sent = f"{label}-{number}", time.time()
        app.tasks["gallery.io_wait"].delay(key)
        run = eventually(lambda key=key: Run.objects.filter(key=key).first(), what=f"io task {key}")
        waits.append(run.started - sent)
    return sorted(waits)[int(PROBES * 0.99) - 1]


def test_two_thousand_waiting_cpu_tasks_do_not_delay_an_io_task(yard: Processes) -> None:
    yard.worker("io")
    without = io_wait_p99("alone")
    for number in range(2000):
        app.tasks["gallery.cpu_wait"].delay(f"burst-{number}", 0.02)
    app.tasks["gallery.cpu_wait"].delay("behind the burst")
    yard.worker("cpu")
    eventually(lambda: Run.objects.filter(key__startswith="burst").exists())
    beside = io_wait_p99("beside")
    # The control: what shares the queue with the burst has waited all the time that the io tasks took.
    assert not Run.objects.filter(key="behind the burst").exists()
    assert beside < 1
    # Twice a few milliseconds is what the scheduler of two busy cores adds by itself.
    assert beside <= max(2 * without, FLOOR_SECONDS)
