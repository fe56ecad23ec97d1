"""A worker takes nothing over a database that is another installation's, whenever it becomes that."""

from django.core.management import call_command

from app.celery import app
from switchyard.identity.models import DatabaseIdentity
from tests.gallery.models import Run
from tests.live.processes import Processes, eventually


def clone() -> None:
    DatabaseIdentity.objects.create(environment="production", broker="rabbit.prod/", written_by="release")


def test_a_worker_waits_until_a_clone_is_adopted_and_ends_when_it_runs_over_one(yard: Processes) -> None:
    clone()
    app.tasks["gallery.io_wait"].delay("a")
    worker = yard.start("worker", "io")
    yard.until_beating(worker)
    [said] = eventually(lambda: worker.events("stands_still"))
    assert "This database is of production (broker rabbit.prod/), since" in said["reason"]
    assert not Run.objects.exists()
    call_command("switchyard", "adopt-database", "keep", "--yes", verbosity=0)
    eventually(lambda: Run.objects.filter(key="a", finished__isnull=False).exists())
    clone()
    assert worker.wait() == 0
    assert len(worker.events("stands_still")) == 2
