"""Workers that are killed, starved, crashed and replaced: F18 to F21, F24, F25."""

import random
import signal
from collections import Counter

import pytest
from django_celery_results.models import TaskResult

from switchyard.routing import QUEUES
from tests.faults.ledger.models import Effect, Execution
from tests.faults.memory import killed, limited_memory
from tests.faults.services import Services, all_done, children, key_of, promise, running
from tests.live.broker import reason
from tests.live.processes import eventually

pytestmark = pytest.mark.every_broker

CHOICE = random.Random(3)


@pytest.mark.parametrize("queue", QUEUES)
def test_f18_a_killed_worker_loses_nothing(services: Services, tally, queue: str) -> None:
    """Scale: 5 kills of 2 workers, each killed with work in hand; the matrix has 50 kills."""
    keys = promise(f"ledger.{queue}_work", [f"{queue}-{n}" for n in range(150)], seconds=0.3)
    relay = services.start_relay()
    role = f"worker {queue} --concurrency=4"
    workers = services.start(f"{role} --name=a", f"{role} --name=b")
    for kill in range(5):
        eventually(running)
        victim = workers.pop(0)
        with services.fault("worker main"):
            victim.kill_all()
        workers += services.start(f"{role} --name=w{kill}")
    all_done(keys)
    found = services.verdict()
    tally(
        "F18",
        f"ours, {queue}",
        kills=5,
        tasks=150,
        lost=len(found.lost),
        repeated_effects=len(found.repeated_effects),
        repeated_runs=len(found.repeated_runs),
    )
    assert relay is None or relay.popen.poll() is None
    assert found.good, found


def test_f18_control_a_killed_stock_worker_loses_what_it_held(services: Services, tally) -> None:
    stock_worker = services.stock_worker("--concurrency=4")
    services.promise_stock("stock.work", [f"stock-{n}" for n in range(20)], seconds=2)
    eventually(lambda: len(running()) == 4)
    with services.fault("worker main"):
        stock_worker.kill_all()
    services.stock_worker("--concurrency=20")
    eventually(lambda: Effect.objects.count() == 16)
    eventually(lambda: services.waiting("stock") == 0)
    found = services.verdict()
    tally("F18", "stock", kills=1, tasks=20, lost=len(found.lost))
    assert len(found.lost) == 4


def test_f19_a_killed_child_is_requeued_and_never_called_a_failure(services: Services, tally) -> None:
    """Scale: 20 kills; the matrix has 100."""
    keys = promise("ledger.cpu_work", [f"child-{n}" for n in range(80)], seconds=0.4)
    services.start_relay()
    [worker] = services.start("worker cpu --concurrency=4")
    for _ in range(20):
        _kill_busy_child(services)
    all_done(keys)
    found = services.verdict()
    failures = TaskResult.objects.filter(status="FAILURE").count()
    hit = Execution.objects.filter(finished=None).count()
    tally(
        "F19",
        "ours",
        kills=20,
        tasks=80,
        lost=len(found.lost),
        false_failures=failures,
        repeated_effects=len(found.repeated_effects),
        repeated_runs=len(found.repeated_runs),
    )
    assert worker.popen.poll() is None
    assert found.good, found
    assert failures == 0
    assert hit >= 10
    assert services.dead_letters("cpu") == []


def test_f19_control_a_killed_stock_child_takes_its_task_along(services: Services, tally) -> None:
    services.stock_worker("--concurrency=2")
    services.promise_stock("stock.work", [f"stock-{n}" for n in range(10)], seconds=1)
    for _ in range(3):
        _kill_busy_child(services)
    eventually(lambda: Effect.objects.count() == 7)
    found = services.verdict()
    tally("F19", "stock", kills=3, tasks=10, lost=len(found.lost))
    assert len(found.lost) == 3


def _kill_busy_child(services: Services) -> None:
    """Kill the process of a running task, and see it gone. One that ran three times is left alone."""

    def busy() -> list[int]:
        runs = Counter(Execution.objects.values_list("key", flat=True))
        tired = [key for key, count in runs.items() if count > 3]
        found = Execution.objects.filter(finished=None).exclude(key__in=tired)
        return [pid for pid in found.values_list("pid", flat=True) if _alive(pid)]

    pid = CHOICE.choice(eventually(busy))
    services.kill(pid, "pool child")
    eventually(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_f20_a_task_that_eats_all_memory_is_dead_lettered_and_the_rest_is_done(
    services: Services, tally
) -> None:
    """The kernel kills the child in a cgroup of 700 MB; every other task is done, none twice."""
    [worker] = services.start("worker cpu --concurrency=2")
    everybody = [worker.popen.pid, *children(worker.popen.pid)]
    with limited_memory(everybody, 700) as group:
        keys = promise("ledger.cpu_work", [f"small-{n}" for n in range(30)], seconds=0.1)
        promise("ledger.cpu_bomb", ["bomb"], megabytes=4_000)
        keys += promise("ledger.cpu_work", [f"later-{n}" for n in range(30)], seconds=0.1)
        services.start_relay()
        with services.fault("out of memory"):
            all_done(keys)
            [message] = eventually(lambda: services.dead_letters("cpu"))
        kills = killed(group)
    found = services.verdict(elsewhere=[key_of(message)])
    runs = Execution.objects.filter(key="bomb").count()
    tally("F20", "ours", kills=kills, tasks=61, lost=len(found.lost), deliveries_of_the_bomb=runs)
    assert key_of(message) == "bomb"
    assert reason("cpu", message) == "delivery_limit"
    assert runs == kills == QUEUES["cpu"].delivery_limit + 1
    assert worker.popen.poll() is None
    assert found.good, found


def test_f21_a_poison_that_crashes_its_process_harms_no_neighbour(services: Services, tally) -> None:
    """Scale: 200 innocents; the matrix has 1,000."""
    innocents = [f"innocent-{n}" for n in range(200)]
    promise("ledger.cpu_work", innocents[:100])
    promise("ledger.cpu_crash", ["poison"])
    promise("ledger.cpu_work", innocents[100:])
    services.start_relay()
    [worker] = services.start("worker cpu --concurrency=4")
    with services.fault("crash"):
        all_done(innocents)
        dead = eventually(lambda: services.dead_letters("cpu"))
    found = services.verdict(elsewhere=map(key_of, dead))
    tally(
        "F21",
        "ours",
        crashes=Execution.objects.filter(key="poison").count(),
        innocents=200,
        lost=len(found.lost),
        innocents_dead=len(dead) - 1,
    )
    assert list(map(key_of, dead)) == ["poison"]
    assert found.good, found
    assert worker.popen.poll() is None


@pytest.mark.parametrize("queue", QUEUES)
def test_f24_a_rollout_repeats_and_loses_nothing(services: Services, tally, queue: str) -> None:
    """Two workers of 15 slots are replaced in turn with 30 tasks in flight, none longer than the grace."""
    keys = promise(f"ledger.{queue}_work", [f"rollout-{n}" for n in range(90)], seconds=1.5)
    role = f"worker {queue} --concurrency=15"
    workers = services.start(f"{role} --name=a", f"{role} --name=b")
    services.start_relay()
    eventually(lambda: len(running()) >= 25)
    for number, old in enumerate(workers):
        services.start(f"{role} --name=new{number}")
        old.signal(signal.SIGTERM)
        assert old.wait() == 0
    all_done(keys)
    found = services.verdict()
    tally(
        "F24",
        f"ours, {queue}",
        rollouts=2,
        tasks=90,
        lost=len(found.lost),
        repeated_runs=len(found.repeated_runs),
    )
    assert found.good, found
    assert found.repeated_runs == []


@pytest.mark.parametrize("queue", QUEUES)
def test_f25_a_worker_killed_after_its_grace_returns_what_it_held(
    services: Services, tally, queue: str
) -> None:
    keys = promise(f"ledger.{queue}_work", [f"grace-{n}" for n in range(12)], seconds=4)
    [worker] = services.start(f"worker {queue} --concurrency=8 --name=a")
    services.start_relay()
    eventually(lambda: len(running()) == 8)
    worker.signal(signal.SIGTERM)
    # The grace, which is what is tried here, ends before the tasks do.
    eventually(lambda: worker.events("worker_draining"))
    held = running()
    with services.fault("grace is over"):
        worker.kill_all()
    services.start(f"worker {queue} --concurrency=12 --name=b")
    all_done(keys)
    found = services.verdict()
    tally(
        "F25",
        f"ours, {queue}",
        kills=1,
        tasks=12,
        lost=len(found.lost),
        repeated_runs=len(found.repeated_runs),
    )
    assert found.good, found
    assert set(found.repeated_runs) == held
