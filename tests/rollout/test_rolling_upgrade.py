"""A release rolls out under load, and nobody who sent a request, and no task, can tell."""

import time
from collections import Counter
from itertools import pairwise

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from switchyard.schedule.models import Rule, Tick
from tests.faults.checker import verdict
from tests.faults.ledger.models import Execution
from tests.faults.services import all_done
from tests.live.processes import eventually
from tests.manifests.rendered import Document, container, pod
from tests.rollout.cluster import Change, Cluster
from tests.rollout.journeys import journeys
from tests.rollout.load import Load
from tests.rollout.service import Service

TICK = "every two seconds"


def running(cluster: Cluster, *names: str, change: Change = lambda _: None) -> None:
    """The old release, every pod available."""
    cluster.run_job("release", "old")
    cluster.apply("old", *names, change=change)
    cluster.until_rolled()


def ticking() -> None:
    """An entry none of whose ticks is ever too late to be sent by itself."""
    interval = IntervalSchedule.objects.create(every=2, period=IntervalSchedule.SECONDS)
    entry = PeriodicTask.objects.create(
        name=TICK, task="ledger.io_tick", kwargs='{"key": "tick"}', interval=interval
    )
    Rule.objects.create(entry=entry, late_seconds=3600)


@pytest.mark.timeout(1200)
def test_a_release_rolls_out_under_load_without_a_failed_request_a_lost_or_a_repeated_task(
    cluster: Cluster, service: Service
) -> None:
    running(cluster)
    ticking()
    with Load(service.url, cluster.host, per_second=12) as load:
        eventually(lambda: Tick.objects.count() >= 2 and Execution.objects.filter(pk__gt=20).exists())
        cluster.run_job("release", "new")
        began = time.monotonic()
        cluster.apply("new")
        # However slow the machine, each release has something of the other one's to run.
        cluster.until_mixed("web", "worker-io", "worker-cpu")
        until_both_releases_met(cluster)
        cluster.release_held()
        cluster.until_rolled()
        seconds = time.monotonic() - began
    assert load.failed == {}
    all_done(load.accepted)
    assert_books_agree(load)
    assert_each_tick_ran_once()
    assert cluster.complaints() == cluster.bad_ends() == []
    report(cluster, load, seconds)


def assert_books_agree(load: Load) -> None:
    found = verdict()
    ours = [key for key in found.phantom if not key.startswith("tick ")]
    assert (found.lost, ours, found.repeated_effects, found.repeated_runs) == ([], [], [], [])
    assert found.promised == len(load.accepted)


def assert_each_tick_ran_once() -> None:
    """Each due time since the first has a tick, and each tick's message ran once."""
    due = list(Tick.objects.filter(entry=TICK).order_by("due_at").values_list("due_at", flat=True))
    gaps = Counter((after - before).total_seconds() for before, after in pairwise(due))
    assert set(gaps) == {2.0}
    ids = {str(task_id) for task_id in Tick.objects.filter(entry=TICK).values_list("task_id", flat=True)}
    ran = Execution.objects.filter(key__startswith="tick ")
    eventually(lambda: set(ran.exclude(finished=None).values_list("task_id", flat=True)) >= ids)
    assert ran.count() >= len(ids)
    assert max(Counter(ran.values_list("task_id", flat=True)).values()) == 1


def until_both_releases_met(cluster: Cluster) -> None:
    """Until every changed signature has been tried both ways, on a queue of each pool: those of the load."""
    names = [f"cargo.{queue}_{habit}" for queue in ("io", "cpu") for habit in ("accept", "send")]
    wanted = {(name, *pair) for name in names for pair in (("old", "new"), ("new", "old"))}

    def met() -> bool:
        missing = wanted - journeys(cluster).keys()
        print("still to be tried:", sorted(missing))
        return not missing

    eventually(met, within=180, what="each task both ways")


def report(cluster: Cluster, load: Load, seconds: float) -> None:
    ended = {pod.name: round(pod.ending_seconds or 0, 1) for pod in cluster.pods if pod.gone}
    print(f"Rolled out in {seconds:.0f} s, with {load.requests} requests and {Tick.objects.count()} ticks.")
    print(f"From being told to end until the end, in seconds: {ended}")
    print(f"Tasks by name, release that sent and release that ran: {dict(journeys(cluster))}")


def without_pre_stop(workload: Document) -> None:
    del container(workload)["lifecycle"]


def test_control_web_without_its_pre_stop_fails_requests(cluster: Cluster, service: Service) -> None:
    running(cluster, "web", change=without_pre_stop)
    with Load(service.url, cluster.host, per_second=12) as load:
        cluster.apply("new", "web")
        cluster.until_rolled()
    assert load.failed.total() > 0
    assert cluster.bad_ends() == []


def without_grace(workload: Document) -> None:
    pod(workload)["terminationGracePeriodSeconds"] = 0


def test_control_workers_without_a_grace_period_run_tasks_again(cluster: Cluster, service: Service) -> None:
    running(cluster, "web", "relay")
    cluster.apply("old", "worker-io", "worker-cpu", change=without_grace)
    cluster.until_rolled()
    with Load(service.url, cluster.host, per_second=12) as load:
        eventually(lambda: Execution.objects.filter(finished=None).count() > 2)
        cluster.apply("new", "worker-io", "worker-cpu")
        cluster.until_rolled()
    assert load.failed == {}
    all_done(load.accepted)
    assert len(cluster.bad_ends()) == 4
    found = verdict()
    assert found.repeated_runs != []
    # Nor is anything lost, and `once` keeps the second run from having a second effect.
    assert (found.lost, found.repeated_effects) == ([], [])


def test_control_an_argument_taken_and_sent_by_one_release_is_dead_lettered_by_old_workers(
    cluster: Cluster, service: Service
) -> None:
    """And replayed when none of them is left: the mistake costs time, and nothing else."""
    running(cluster, "worker-io", "relay")
    cluster.apply("new", "web")
    cluster.until_rolled()
    load = Load(service.url, cluster.host, per_second=4, tasks=("rush",), cpu_percent=0)
    with load:
        eventually(lambda: dead_letters(cluster) >= 3)
    cluster.apply("new", "worker-io")
    cluster.until_rolled()
    eventually(lambda: dead_letters(cluster) == len(load.accepted))
    cluster.run_job("release", "new", "deadletters", "replay", "--yes")
    all_done(load.accepted)
    found = verdict()
    assert (found.lost, found.repeated_effects, found.repeated_runs) == ([], [], [])


def dead_letters(cluster: Cluster) -> int:
    said = cluster.run_job("release", "new", "deadletters", "list", "--json")
    return sum(line.startswith("{") and "cargo.io_rush" in line for line in said.splitlines())
