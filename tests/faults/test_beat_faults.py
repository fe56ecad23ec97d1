"""Two beats, a beat that dies, one that is frozen: F26, F27."""

import json
import signal
import time
from itertools import pairwise

from django.db.models import Count
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from switchyard.schedule.entry import Missed
from switchyard.schedule.models import Rule, Tick
from tests.faults.ledger.models import Effect, Execution
from tests.faults.services import Services
from tests.live.processes import Process, eventually


def every_second(name: str = "tick", **rule: object) -> None:
    interval, _ = IntervalSchedule.objects.get_or_create(every=1, period="seconds")
    entry = PeriodicTask.objects.create(
        name=name, task="ledger.io_tick", args=json.dumps([name]), interval=interval
    )
    if rule:
        Rule.objects.create(entry=entry, **rule)


def ticks(more: int, within: float = 60) -> None:
    wanted = Tick.objects.count() + more
    eventually(lambda: Tick.objects.count() >= wanted, within=within, what=f"{more} more ticks")


def repeated() -> int:
    """Effects that came twice for one tick, and ticks that came twice for one second."""
    effects = Effect.objects.values("key").annotate(n=Count("pk")).filter(n__gt=1).count()
    due = list(Tick.objects.order_by("due_at").values_list("due_at", flat=True))
    return effects + sum(second == first for first, second in pairwise(due))


def lost() -> int:
    """Seconds between the first and the last tick that have none."""
    due = list(Tick.objects.order_by("due_at").values_list("due_at", flat=True))
    return round((due[-1] - due[0]).total_seconds()) + 1 - len(due)


def leading(*beats: Process) -> Process:
    """The beat that took the lease last."""
    taken = [(event["timestamp"], beat) for beat in beats for event in beat.events("lease_taken")]
    return max(taken, key=lambda pair: pair[0])[1]


def test_f26_two_beats_send_each_tick_once_though_one_is_killed_and_one_frozen(
    services: Services, tally
) -> None:
    """Scale: about 30 s with four takeovers; the matrix has 30 minutes."""
    every_second()
    services.start("worker io")
    services.start_relay()
    beats = services.start("beat", "beat")
    ticks(4)
    takeovers = []
    for number in range(4):
        leader = leading(*beats)
        began = time.monotonic()
        with services.fault("beat"):
            if number % 2:
                leader.signal(signal.SIGSTOP)
            else:
                leader.kill_all()
                beats.remove(leader)
                beats += services.start("beat")
            eventually(lambda leader=leader, beats=beats: leading(*beats) is not leader)
            takeovers.append(time.monotonic() - began)
            if number % 2:
                leader.signal(signal.SIGCONT)
        ticks(3)
    for beat in beats:
        beat.kill_all()
    sent = {str(task_id) for task_id in Tick.objects.values_list("task_id", flat=True)}
    eventually(lambda: set(Execution.objects.values_list("task_id", flat=True)) == sent)
    tally(
        "F26",
        "ours",
        takeovers=4,
        ticks=len(sent),
        lost=lost(),
        repeated_effects=repeated(),
        slowest_takeover_s=round(max(takeovers), 1),
    )
    assert (lost(), repeated()) == (0, 0)
    assert Execution.objects.count() == len(sent)
    assert max(takeovers) <= 20


def test_f26_control_two_plain_beats_send_everything_twice(services: Services, tally, tmp_path) -> None:
    services.stock_worker("--concurrency=2", "--pool=threads")
    for name in ("one", "two"):
        services.celery(
            "beat", "--loglevel=INFO", f"--schedule={tmp_path / name}", "--pidfile=", ready="beat: Starting"
        )
    began = time.time()
    eventually(lambda: Execution.objects.count() >= 16)
    seconds = time.time() - began
    found = Execution.objects.count()
    tally("F26", "stock", seconds=round(seconds), ticks=found, repeated_effects=round(found - seconds))
    assert found > seconds * 1.5


def test_f27_what_a_frozen_beat_missed_follows_the_entrys_rule(services: Services, tally) -> None:
    """Late beyond ``late_seconds``: ``once`` sends the newest of those missed, ``skip`` none of them."""
    every_second("once", missed=Missed.ONCE, late_seconds=2)
    every_second("skip", missed=Missed.SKIP, late_seconds=2)
    [beat] = services.start("beat")
    eventually(lambda: Tick.objects.values("entry").annotate(n=Count("pk")).filter(n__gte=3).count() == 2)
    with services.fault("beat frozen"):
        beat.signal(signal.SIGSTOP)
        time.sleep(12)  # The fault's own length: twelve ticks of each entry are due meanwhile.
        before = Tick.objects.count()
        beat.signal(signal.SIGCONT)
    ticks(8)
    assert before <= Tick.objects.count() - 8
    late = {
        name: [
            tick
            for tick in Tick.objects.filter(entry=name)
            if (tick.sent_at - tick.due_at).total_seconds() > 5
        ]
        for name in ("once", "skip")
    }
    tally(
        "F27",
        "ours",
        missed=12,
        sent_late_once=len(late["once"]),
        sent_late_skip=len(late["skip"]),
        repeated_effects=repeated_entries(),
    )
    assert late == {"once": [], "skip": []}
    assert repeated_entries() == 0


def repeated_entries() -> int:
    return Tick.objects.values("entry", "due_at").annotate(n=Count("pk")).filter(n__gt=1).count()
