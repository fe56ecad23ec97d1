"""No role comes near its memory limit under load, nor at rest above what it requests. Prints the figures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from app.reports.canvas import start
from app.reports.models import Report, State
from app.webhooks.models import Event as Recorded
from app.webhooks.models import Kind
from tests.faults.services import all_done, keys, promise
from tests.live.processes import eventually
from tests.manifests.rendered import Document, container
from tests.rollout.cluster import Cluster
from tests.rollout.load import Load
from tests.rollout.memory import MIB, held_mib
from tests.rollout.service import Service

#: Of the limit, for what a longer life adds.
ROOM = 0.8


def one_of_each(workload: Document) -> None:
    workload["spec"]["replicas"] = 1


@contextmanager
def measured(cluster: Cluster) -> Iterator[dict[str, int]]:
    """The most that each role held while the block ran."""
    peaks: dict[str, int] = {}
    stop = Event()

    def look() -> None:
        while not stop.wait(1):
            for name, held in held_now(cluster).items():
                peaks[name] = max(peaks.get(name, 0), held)

    thread = Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def held_now(cluster: Cluster) -> dict[str, int]:
    return {name: held_mib(one.pods[-1]) for name, one in cluster.deployments.items()}


def amount(cluster: Cluster, name: str, which: str) -> int:
    """The container's memory request or limit in MiB."""
    text = container(cluster.deployments[name].workload)["resources"][which]["memory"]
    return int(text[:-2]) * (MIB if text.endswith("Gi") else 1)


@pytest.mark.timeout(900)
def test_no_role_comes_near_its_memory_limit(cluster: Cluster, service: Service) -> None:
    cluster.run_job("release", "old")
    cluster.apply("old", change=one_of_each)
    cluster.until_rolled()
    at_rest = held_now(cluster)
    with measured(cluster) as peaks, scraped(cluster):
        work(cluster, service)
    rows = [
        (name, at_rest[name], peaks[name], amount(cluster, name, "requests"), amount(cluster, name, "limits"))
        for name in sorted(peaks)
    ]
    print("MiB: role, at rest, most under load, request, limit", *rows, sep="\n")
    assert [row for row in rows if row[1] > row[3]] == []
    assert [row for row in rows if row[2] > ROOM * row[4]] == []
    assert cluster.complaints() == []


def work(cluster: Cluster, service: Service) -> None:
    """As many tasks at once as the io worker has slots, reports of a year, ticks, and requests meanwhile."""
    interval = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name="tick", task="ledger.io_tick", kwargs='{"key": "tick"}', interval=interval
    )
    reports = [report.pk for report in reported(15)]
    with Load(service.url, cluster.host, per_second=10) as load:
        promised = promise("ledger.io_work", keys("bulk", 300), seconds=2)
        all_done(promised, within=300)
        done = Report.objects.filter(pk__in=reports, state=State.DONE)
        eventually(lambda: done.count() == len(reports), within=300, what="every report")
    all_done(load.accepted, within=120)


def reported(count: int) -> Iterator[Report]:
    owner = User.objects.create_user("reader", "reader@example.com")
    Recorded.objects.bulk_create(Recorded(kind=Kind.USER_SIGNED_UP, data={}) for _ in range(5000))
    for _ in range(count):
        report = Report.objects.create(owner=owner, days=365)
        start(report)
        yield report


@contextmanager
def scraped(cluster: Cluster) -> Iterator[None]:
    """Exporter and relay are asked for their metrics every few seconds."""
    stop = Event()
    targets: list[Any] = [cluster.deployments[name].pods[-1].container for name in ("exporter", "relay")]

    def scrape() -> None:
        while not stop.wait(3):
            for target in targets:
                url = f"http://{target.address}:{target.ports['metrics']}/metrics"
                httpx.get(url, timeout=30, trust_env=False).raise_for_status()

    thread = Thread(target=scrape)
    thread.start()
    began = time.monotonic()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        print(f"under load for {time.monotonic() - began:.0f} s")
