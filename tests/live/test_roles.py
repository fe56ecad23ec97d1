"""The roles start, say how they are, and end when they are told to."""

import json
import os
import signal
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from select import select
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.celery import app
from switchyard.conf import conf
from switchyard.routing import QUEUES
from tests.gallery.models import Run
from tests.live.processes import Process, Processes, answer, eventually

#: Connections to the test's database. Not every backend is one: autovacuum comes and goes as it likes.
CLIENTS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend'"
)


def sessions(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        (count,) = cursor.fetchone()
    return int(count)


def test_web_is_live_and_ready_and_sigterm_ends_it(web) -> None:
    process, url = web
    assert all(json.loads(line)["event"] for line in process.text().splitlines())
    assert answer(f"{url}/livez").json() == {"alive": True}
    assert answer(f"{url}/readyz").json() == {"ready": True}
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


def test_web_keeps_an_idle_connection_for_longer_than_a_load_balancer_would_send_into_it(web) -> None:
    """gunicorn by itself closes it after 2 s, and a request that is on its way then is reset."""
    address = urlsplit(web[1])
    with closing(HTTPConnection(address.hostname, address.port, timeout=30)) as connection:
        connection.request("GET", "/livez")
        assert connection.getresponse().read()
        closed, _, _ = select([connection.sock], [], [], 4)
        assert not closed
        connection.request("GET", "/livez")
        assert connection.getresponse().read()


def test_a_worker_that_ends_exits_with_zero(yard: Processes) -> None:
    for queue in QUEUES:
        worker = yard.worker(queue)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0


@pytest.mark.parametrize("queue", QUEUES)
def test_the_heartbeat_stops_while_the_broker_is_cut_off_and_comes_back(
    yard: Processes, vhost, queue
) -> None:
    """The connection is closed and the vhost locked: what a partition looks like to the worker."""
    worker = yard.worker(queue)
    name = vhost.url.rpartition("/")[2]
    user = vhost.url.split("//")[1].split(":")[0]
    with httpx.Client(base_url=vhost.management_url, timeout=30) as management:
        management.delete(f"/api/permissions/{name}/{user}").raise_for_status()
        eventually(lambda: cut_off(management, name, worker), what="the worker to lose its connection")
        worker.heartbeat.unlink()
        assert_stays_away(worker.heartbeat, seconds=7)
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        management.put(f"/api/permissions/{name}/{user}", json=rights).raise_for_status()
        eventually(worker.heartbeat.exists, within=90, what="the heartbeat after the reconnect")
    app.tasks[f"gallery.{queue}_wait"].delay("after the cut")
    eventually(lambda: Run.objects.filter(key="after the cut").exists())


def cut_off(management: httpx.Client, vhost: str, worker: Process) -> bool:
    """Close every connection in the vhost (4.x has done so by itself). True when the worker noticed."""
    for found in management.get(f"/api/vhosts/{vhost}/connections").json():
        management.delete(f"/api/connections/{found['name']}")
    return "Connection to broker lost" in worker.text() or "Cannot connect" in worker.text()


def assert_stays_away(path, seconds: float) -> None:
    """The worker would touch the file every 5 s if its consumer were connected."""
    with pytest.raises(AssertionError, match="not within"):
        eventually(path.exists, within=seconds)


def test_beat_sends_what_is_due_and_its_heartbeat_is_fresh(yard: Processes) -> None:
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name="tick", task="gallery.io_wait", interval=every_second, args=json.dumps(["tick"])
    )
    yard.worker("io")
    yard.relay()
    beat = yard.start("beat")
    eventually(lambda: Run.objects.filter(key="tick").count() >= 2)
    yard.until_beating(beat)
    before = beat.heartbeat.stat().st_mtime_ns
    eventually(lambda: beat.heartbeat.stat().st_mtime_ns > before)
    beat.signal(signal.SIGTERM)
    assert beat.wait() == 0


def test_the_plain_celery_commands_work_too(yard: Processes) -> None:
    celery = [sys.executable, "-m", "celery", "-A", "app"]
    worker = yard.start_command([*celery, "worker", "-Q", "io", "-l", "info", "-c", "2"])
    beat = yard.start_command([*celery, "beat", "--pidfile="])
    yard.until_beating(worker)
    yard.until_beating(beat)
    app.tasks["gallery.io_wait"].delay("plain")
    eventually(lambda: Run.objects.filter(key="plain", finished__isnull=False).exists())
    for process in (worker, beat):
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.mark.parametrize("role", [["worker", "-Q", "io"], ["beat", "--pidfile="]])
def test_the_plain_celery_commands_refuse_a_wrong_configuration(yard: Processes, role: list[str]) -> None:
    mistaken = {"DJANGO_SETTINGS_MODULE": "tests.unrouted"}
    process = yard.start_command([sys.executable, "-m", "celery", "-A", "app", *role], env=mistaken)
    assert process.wait() == 1
    assert "No route matches gallery.io_" in process.text()


def test_release_prepares_everything_and_twice_is_harmless(processes: Processes) -> None:
    for _ in range(2):
        result = processes.run("release")
        assert result.returncode == 0, result.stderr
    assert processes.run("topology", "check").returncode == 0
    assert PeriodicTask.objects.filter(task="switchyard.purge_once").count() == 1


def test_a_hundred_tasks_at_once_share_ten_database_connections(yard: Processes) -> None:
    for number in range(100):
        app.tasks["gallery.io_query"].delay(str(number), 0.3)
    peak = 0

    def all_done() -> bool:
        nonlocal peak
        peak = max(peak, sessions(CLIENTS))
        return Run.objects.filter(finished__isnull=False).count() == 100

    yard.worker("io")
    eventually(all_done)
    # Those of the pool, and this test's own.
    assert peak <= conf.POOL_SIZE + 1


def test_a_hundred_tasks_that_query_wait_and_query_are_done_as_if_each_had_a_connection(
    yard: Processes, tmp_path: Path
) -> None:
    worker, gate = yard.worker("io"), tmp_path / "gate"
    for number in range(100):
        app.tasks["gallery.io_pass_gate"].delay(str(number), str(gate))
    # With one connection each, for as long as they wait, ten are.
    eventually(lambda: Run.objects.filter(finished__isnull=True).count() == 100)
    gate.touch()
    eventually(lambda: Run.objects.filter(finished__isnull=False).count() == 100)
    assert Run.objects.count() == 100
    assert worker.events("connection_kept") == []


def test_every_line_of_a_worker_is_json_with_task_and_queue(yard: Processes) -> None:
    worker = yard.worker("io")
    sent = app.tasks["gallery.io_wait"].delay("logged")
    [line] = eventually(lambda: worker.events("task_finished"))
    assert line["task_id"] == sent.id
    assert (line["task"], line["queue"], line["outcome"]) == ("gallery.io_wait", "io", "succeeded")
    assert 0 <= line["wait_ms"] < 60_000
    assert 0 <= line["run_ms"] < 60_000
    for text in filter(None, worker.text().splitlines()):
        assert json.loads(text)["event"]
    assert os.environ.get("LOG_FORMAT") is None
