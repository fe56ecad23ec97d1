"""Whatever happens to a beat, each due time is sent exactly once, and somebody goes on."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask

from switchyard.schedule.models import Clock, Tick
from tests.gallery.models import Run
from tests.live.processes import Process, Processes, eventually

#: A takeover is promised within 10 s; the machine that tests may be slow.
TAKEOVER_SECONDS = 15

STOCK = "django_celery_beat.schedulers:DatabaseScheduler"

#: Beat that is killed in the middle of its third tick, between the unique row and the commit.
DIES_IN_A_TICK = """
import itertools, os, signal, django
django.setup()
from django.core.management import execute_from_command_line
from switchyard.tasks.base import RoutedTask
send, number = RoutedTask.apply_async_on_commit, itertools.count(1)
def send_and_die(*args, **options):
    send(*args, **options)
    if next(number) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
RoutedTask.apply_async_on_commit = send_and_die
execute_from_command_line(["app", "switchyard", "beat"])
"""


def every(seconds: int, name: str = "tick", **fields) -> PeriodicTask:
    interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
    return PeriodicTask.objects.create(
        name=name, task="gallery.io_wait", args=json.dumps([name]), interval=interval, **fields
    )


def sent(name: str = "tick") -> int:
    return Tick.objects.filter(entry=name).count()


def until_sent(more: int, name: str = "tick", within: float = 60) -> None:
    wanted = sent(name) + more
    eventually(lambda: sent(name) >= wanted, within=within, what=f"{wanted} ticks")


def assert_each_second_once(name: str = "tick") -> None:
    """No due time is missing between the first tick and the last, and unique they are by their row."""
    due = list(Tick.objects.filter(entry=name).order_by("due_at").values_list("due_at", flat=True))
    assert due == [due[0] + timedelta(seconds=number) for number in range(len(due))]


def assert_each_tick_ran_once() -> None:
    """What the broker was given is what the ticks say: no message more, none less."""
    tasks = {str(task_id) for task_id in Tick.objects.values_list("task_id", flat=True)}
    eventually(lambda: set(Run.objects.values_list("task_id", flat=True)) >= tasks, what="every tick to run")
    assert sorted(Run.objects.values_list("task_id", flat=True)) == sorted(tasks)


def run_what_is_sent(yard: Processes) -> None:
    yard.worker("io")
    yard.relay()


def leader(processes: Processes) -> Process:
    beat = processes.start("beat")
    eventually(lambda: beat.events("lease_taken"), what="the lease")
    return beat


def standby(processes: Processes) -> Process:
    beat = processes.start("beat")
    eventually(lambda: beat.events("standing_by"), what="a beat to stand by")
    return beat


def stop(*beats: Process) -> None:
    for beat in beats:
        beat.signal(signal.SIGTERM)
    assert [beat.wait(30) for beat in beats] == [0] * len(beats)


def test_two_beats_send_each_second_once_and_the_standby_is_healthy(yard: Processes) -> None:
    run_what_is_sent(yard)
    every(1)
    first, second = leader(yard), standby(yard)
    before = second.heartbeat.stat().st_mtime_ns
    until_sent(20)
    stop(first, second)
    assert_each_second_once()
    assert_each_tick_ran_once()
    assert second.heartbeat.stat().st_mtime_ns > before
    assert len(second.events("standing_by")) == 1
    assert second.events("tick_sent") == []
    line = first.events("tick_sent")[0]
    assert (line["entry"], line["task"]) == ("tick", "gallery.io_wait")
    assert line["due_at"] == Tick.objects.earliest("due_at").due_at.isoformat()
    assert line["late_seconds"] >= 0


def test_a_killed_beat_is_followed_by_the_standby_and_no_second_is_missing(yard: Processes) -> None:
    run_what_is_sent(yard)
    every(1)
    first, second = leader(yard), standby(yard)
    until_sent(2)
    first.kill_all()
    eventually(lambda: second.events("lease_taken"), within=TAKEOVER_SECONDS, what="the takeover")
    until_sent(3)
    stop(second)
    assert_each_second_once()


def test_a_frozen_beat_is_followed_by_the_standby_and_sends_nothing_when_it_wakes_up(yard: Processes) -> None:
    """It keeps its connection and so its lock, until the standby has PostgreSQL end that connection."""
    run_what_is_sent(yard)
    every(1)
    first, second = leader(yard), standby(yard)
    until_sent(2)
    first.signal(signal.SIGSTOP)
    frozen = len(first.events("tick_sent"))
    eventually(lambda: second.events("lease_taken"), within=TAKEOVER_SECONDS, what="the takeover")
    until_sent(2)
    first.signal(signal.SIGCONT)
    # It has lost its lease, or the transaction that it was frozen in.
    eventually(lambda: first.events("standing_by"), what="the first to stand by")
    until_sent(3)
    assert len(first.events("tick_sent")) <= frozen + 1
    stop(first, second)
    assert_each_second_once()
    assert_each_tick_ran_once()


def test_a_beat_killed_between_the_unique_row_and_the_commit_leaves_that_tick_to_the_next(
    yard: Processes,
) -> None:
    run_what_is_sent(yard)
    every(1)
    first = yard.start_command([sys.executable, "-c", DIES_IN_A_TICK])
    assert first.wait() == -signal.SIGKILL
    assert sent() == 2
    second = leader(yard)
    until_sent(3)
    stop(second)
    assert_each_second_once()
    assert_each_tick_ran_once()


def test_ticks_are_recorded_while_the_broker_is_away(processes: Processes) -> None:
    every(1)
    beat = processes.start("beat", env={"BROKER_URL": "pyamqp://guest:guest@127.0.0.1:1//"})
    until_sent(5)
    stop(beat)
    assert_each_second_once()


def test_an_edit_takes_effect_in_a_running_beat(yard: Processes) -> None:
    entry = every(3600)
    beat = leader(yard)
    eventually(lambda: Clock.objects.filter(entry=entry).exists(), what="beat to see the entry")
    edit(entry, interval=IntervalSchedule.objects.create(every=1, period="seconds"))
    until_sent(1, within=20)
    edit(entry, enabled=False)
    eventually(lambda: not Clock.objects.filter(entry=entry).exists(), within=20, what="beat to see the edit")
    before = sent()
    edit(entry, enabled=True)
    enabled_at = timezone.now()
    until_sent(1, within=20)
    assert sorted(Tick.objects.values_list("due_at", flat=True))[before] > enabled_at
    entry.delete()
    other = every(1, "other")
    until_sent(1, "other", within=20)
    before = sent()
    until_sent(3, "other")
    assert sent() == before
    assert PeriodicTask.objects.get(pk=other.pk).total_run_count >= 4
    stop(beat)


def edit(entry: PeriodicTask, **fields) -> None:
    """As the admin's form does: read, change, write every column."""
    row = PeriodicTask.objects.get(pk=entry.pk)
    for field, value in fields.items():
        setattr(row, field, value)
    row.save()


@pytest.mark.parametrize(("scheduler", "runs"), [(None, 1), (STOCK, 2)])
def test_two_beats_send_a_clocked_task_once_and_two_of_the_stock_kind_twice(
    yard: Processes, scheduler, runs
) -> None:
    """The stock kind is the control: it shows that this way of counting can see a second message."""
    run_what_is_sent(yard)
    # Before they start: a stock beat that has not read it yet does not send it after the other one.
    at = ClockedSchedule.objects.create(clocked_time=timezone.now() + timedelta(seconds=20))
    PeriodicTask.objects.create(
        name="once", task="gallery.io_wait", args='["once"]', clocked=at, one_off=True
    )
    every(1, "later", start_time=at.clocked_time + timedelta(seconds=1))
    command = [sys.executable, "-m", "celery", "-A", "app", "beat", "--pidfile=", "--loglevel=INFO"]
    command += [f"--scheduler={scheduler}"] if scheduler else []
    beats = [yard.start_command(command) for _ in range(2)]
    for beat in beats:
        eventually(lambda beat=beat: "beat: Starting..." in beat.text(), what="a beat to start")
    assert timezone.now() < at.clocked_time, "this machine is too slow for the test's 20 s"
    eventually(lambda: Run.objects.filter(key="once").count() >= runs, what="the runs")
    eventually(lambda: Run.objects.filter(key="later").count() >= 4 * runs, what="what is due after it")
    assert Run.objects.filter(key="once").count() == runs


def test_beat_waits_for_a_database_that_went_away_and_then_goes_on(yard: Processes) -> None:
    every(1)
    beat = leader(yard)
    until_sent(2)
    with database_away():
        eventually(lambda: said_away(beat), what="beat to say that the database is away")
        beat.heartbeat.unlink()
        with pytest.raises(AssertionError, match="not within"):
            eventually(beat.heartbeat.exists, within=5)
        assert beat.popen.poll() is None
        other = yard.start_command([sys.executable, "-m", "celery", "-A", "app", "beat", "--pidfile="])
        eventually(lambda: said_away(other), what="another to start without a database")
        stop(other)
    eventually(beat.heartbeat.exists, what="the heartbeat")
    until_sent(2)
    stop(beat)
    assert_each_second_once()


def said_away(beat: Process) -> bool:
    return any("the database is away" in line["reason"] for line in beat.events("standing_by"))


@contextmanager
def database_away() -> Iterator[None]:
    """Nobody may connect to the test's database, and whoever was connected is not any more."""
    settings = connection.settings_dict
    name = settings["NAME"]
    connection.close()
    with psycopg.connect(
        dbname="postgres",
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        autocommit=True,
    ) as link:
        link.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            link.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_sigterm_ends_a_beat_that_was_frozen_and_one_that_stands_by(yard: Processes) -> None:
    first, second = leader(yard), standby(yard)
    first.signal(signal.SIGSTOP)
    first.signal(signal.SIGTERM)
    eventually(lambda: second.events("lease_taken"), within=TAKEOVER_SECONDS, what="the takeover")
    first.signal(signal.SIGCONT)
    assert first.wait(30) == 0
    assert second.heartbeat.exists()
    stop(second)
