"""Web's processes come and go; the files they count into stay as many as its places."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gunicorn.arbiter import Arbiter
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from switchyard.metrics.slots import take_place

PROCESS = """
from types import SimpleNamespace
from switchyard.metrics.slots import count_in_place, take_place
arbiter, worker = SimpleNamespace(pid=1, WORKERS={}), SimpleNamespace()
take_place(arbiter, worker)
count_in_place(arbiter, worker)
from prometheus_client import Counter, Histogram
Counter("answered", "Requests.").inc()
Histogram("took", "Seconds.").observe(0.1)
"""


def test_twenty_five_processes_leave_the_files_of_one_and_all_their_counts(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(25):
        subprocess.run([sys.executable, "-c", PROCESS], env=environment, check=True)
    together = CollectorRegistry()
    MultiProcessCollector(together, str(tmp_path))
    assert together.get_sample_value("answered_total") == 25
    assert together.get_sample_value("took_count") == 25
    assert len(list(tmp_path.iterdir())) == 2


def test_a_place_is_had_by_one_living_process() -> None:
    arbiter: Any = SimpleNamespace(pid=1, WORKERS={})
    workers: list[Any] = [SimpleNamespace() for _ in range(4)]
    for pid, worker in enumerate(workers[:3]):
        take_place(arbiter, worker)
        arbiter.WORKERS[pid] = worker
    assert [worker.switchyard_place for worker in workers[:3]] == [1, 2, 3]
    del arbiter.WORKERS[1]
    take_place(arbiter, workers[3])
    assert workers[3].switchyard_place == 2
    assert hasattr(Arbiter, "WORKERS")
