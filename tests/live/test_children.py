"""Child processes of a task's own, by the ways that deploy/WRITE-A-TASK.md names."""

from pathlib import Path

from app.celery import app
from tests.gallery.children import WAYS
from tests.gallery.models import Run
from tests.live.processes import Processes, eventually

PAGE = Path(__file__).resolve().parents[2] / "deploy" / "WRITE-A-TASK.md"
REFUSAL = "daemonic processes are not allowed to have children"


def test_a_cpu_task_has_children_by_the_ways_of_the_page_and_no_others(yard: Processes) -> None:
    worker = yard.worker("cpu")
    for way in WAYS:
        app.tasks["gallery.cpu_have_children"].delay(way, way)
    eventually(lambda: len(worker.events("task_finished")) == len(WAYS), within=120)
    assert set(Run.objects.values_list("key", flat=True)) == {"program", "threads"}
    refusals = [line["error"] for line in worker.events("task_failed")]
    assert refusals == [f"AssertionError: {REFUSAL}"] * 3
    assert REFUSAL in " ".join(PAGE.read_text().split())
