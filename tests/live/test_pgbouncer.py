"""The whole product behind a real PgBouncer in transaction mode, which is paused and replaced under load."""

from collections.abc import Iterator
from typing import Any

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from deploy.local.ports import free_ports
from switchyard.routing import QUEUES
from switchyard.schedule.models import Tick
from tests.gallery.models import Run
from tests.live.broker import dead
from tests.live.processes import Processes, answer, eventually
from tests.pgbouncer import PgBouncer

EACH = 20


@pytest.fixture
def behind(environment: dict[str, str], pgbouncer: PgBouncer) -> Iterator[PgBouncer]:
    """Before any process has its environment."""
    environment |= {"DATABASE_URL": pgbouncer.url, "DISABLE_SERVER_SIDE_CURSORS": "true"}
    return pgbouncer


def send(key: str) -> None:
    for number in range(EACH):
        for queue in QUEUES:
            app.tasks[f"gallery.{queue}_wait"].delay_on_commit(f"{key} {number}", 0.1)


def until_done(key: str) -> None:
    done = Run.objects.filter(key__startswith=key, finished__isnull=False)
    wanted = EACH * len(QUEUES)
    eventually(lambda: done.values("task_id").distinct().count() == wanted, what=f"{key} to be done")


def until_ticks(more: int) -> None:
    before = Tick.objects.count()
    eventually(lambda: Tick.objects.count() >= before + more, what="beat to send")


def shown(port: int, path: str) -> str:
    found = answer(f"http://127.0.0.1:{port}{path}", within=20)
    return found.text if found else ""


def test_all_roles_work_behind_it_and_go_on_when_it_was_paused_and_replaced(
    behind: PgBouncer, yard: Processes, channel: Any
) -> None:
    interval = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="tick", task="gallery.io_wait", args='["tick"]', interval=interval)
    web, exporter = free_ports(2)
    yard.start("web", env={"PORT": str(web)})
    yard.start("exporter", env={"EXPORTER_PORT": str(exporter)})
    beats = [yard.start("beat") for _ in range(2)]
    relay = yard.start("relay")
    workers = [yard.start("worker", queue) for queue in QUEUES]
    for process in (*beats, relay, *workers):
        yard.until_beating(process)
    until_ticks(2)
    send("paused")
    behind.tell("PAUSE")
    behind.tell("RESUME")
    until_done("paused")
    until_ticks(2)
    assert [line for beat in beats for line in beat.events("lease_lost")] == []
    send("replaced")
    behind.stop()
    behind.start()
    until_done("replaced")
    until_ticks(2)
    assert [dead(channel, queue) for queue in QUEUES] == [0] * len(QUEUES)
    assert set(Run.objects.values_list("attempt", flat=True)) == {0}
    assert len(relay.events("not_listening")) == 1
    eventually(lambda: '"ready": true' in shown(web, "/readyz"), what="a web that is ready")
    wanted = {"switchyard_database_up 1.0", "switchyard_beat_lease_held 1.0", "switchyard_beat_holders 1.0"}
    eventually(lambda: wanted <= set(shown(exporter, "/metrics").splitlines()), what=f"{wanted}")
