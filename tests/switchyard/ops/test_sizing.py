"""What `sizing` says of a load is what a queue with those slots does; a misspelt load is refused."""

import heapq
import json
import random
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from app.queues import CPU, IO
from switchyard.ops.sizing import BUSY_SHARE, IN_TIME_SHARE, SPARE_PODS, Load, erlang_c, need, wait_seconds
from switchyard.ops.waiting import room


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("switchyard", "sizing", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("slots", "busy", "share"),
    # One slot waits as often as it is busy; two with one busy, a third; ten with seven, by Erlang's tables.
    [(1, 0.7, 0.7), (2, 1.0, 1 / 3), (10, 7.0, 0.2217), (200, 0.0, 0.0)],
)
def test_the_share_that_waits_is_erlangs(slots: int, busy: float, share: float) -> None:
    assert erlang_c(slots, busy) == pytest.approx(share, abs=1e-4)


def test_thousands_of_slots_overflow_nothing() -> None:
    assert 0 < erlang_c(20_000, 19_900.0) < 1


@pytest.mark.parametrize(("slots", "rate", "seconds"), [(4, 0.8, 4.0), (20, 45.0, 0.4)])
def test_a_queue_that_is_played_through_waits_as_long_as_said(
    slots: int, rate: float, seconds: float
) -> None:
    chance = random.Random(slots)
    free, now, waits = [0.0] * slots, 0.0, []
    for _ in range(100_000):
        now += chance.expovariate(rate)
        begins = max(now, heapq.heappop(free))
        heapq.heappush(free, begins + chance.expovariate(1 / seconds))
        waits.append(begins - now)
    longest = sorted(waits)[int(len(waits) * IN_TIME_SHARE)]
    assert wait_seconds(Load(replace(CPU, concurrency=slots), rate, seconds), slots) == pytest.approx(
        longest, rel=0.2
    )


def test_pods_are_enough_with_one_away_and_one_less_is_not() -> None:
    for load in (Load(IO, 2000, 0.3), Load(CPU, 3, 4), Load(IO, 2000, 0.01, cpu_ms=5)):
        found = need(load, 10)
        core = load.busy_cores / (1 if load.spec.pool == "threads" else load.spec.concurrency)
        enough = [
            load.busy_slots / load.spec.concurrency / pods <= BUSY_SHARE
            and core / pods <= BUSY_SHARE
            and wait_seconds(load, pods * load.spec.concurrency) <= load.spec.wait_objective_seconds
            for pods in (found.pods - SPARE_PODS, found.pods - SPARE_PODS - 1)
        ]
        assert enough == [True, False], found


def test_a_wait_objective_that_is_short_takes_pods_of_its_own() -> None:
    slow = replace(CPU, concurrency=1, wait_objective_seconds=1)
    found = need(Load(slow, 0.05, 10), 10)
    assert found.bound_by == "wait"
    assert found.wait_seconds <= 1
    assert need(Load(replace(slow, wait_objective_seconds=3600), 0.05, 10), 10).pods < found.pods


def test_a_queue_is_never_counted_fuller_than_it_gets() -> None:
    kept = room([Load(replace(IO, max_length=1000), 10, 1, kilobytes=0)], hours=1)
    assert (kept.messages, kept.full) == (36_000, ("io",))
    assert kept.broker_disk < kept.database_disk


def test_what_a_person_reads_and_what_a_program_reads_say_the_same() -> None:
    loads = ("io:rate=200,seconds=0.3,kilobytes=2", "cpu:rate=3,seconds=4")
    found = json.loads(said(*loads, "--json"))
    io, cpu = found["queues"]
    text = said(*loads)
    assert [line.split()[:2] for line in text.splitlines()[1:3]] == [
        ["io", str(io["pods"])],
        ["cpu", str(cpu["pods"])],
    ]
    assert f"{found['room']['messages']:,} messages" in text


def test_the_page_shows_what_the_command_says() -> None:
    page = (Path(__file__).parents[3] / "deploy" / "SIZING.md").read_text()
    command, _, answer = page.partition("$ python -m app sizing ")[2].partition("```")[0].partition("\n")
    assert said(*command.split()).strip() == answer.strip()


def test_nothing_to_do_needs_a_pod_and_its_spare() -> None:
    assert json.loads(said("io:rate=0,seconds=0", "--json"))["queues"][0]["pods"] == 1 + SPARE_PODS


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["oi:rate=1,seconds=1"], "there is no queue 'oi'; there are io, cpu"),
        (["io:rate=1,second=1"], "io: there is no 'second'; did you mean seconds?"),
        (["io:rate=1"], "io: say seconds too, as io:rate=20,seconds=0.3"),
        (["io"], "io: say rate and seconds too"),
        (["io:rate=many,seconds=1"], "io: rate: expected a number from 0, got 'many'"),
        (["io:rate=-1,seconds=1"], "io: rate: expected a number from 0, got '-1'"),
        (["io:rate=nan,seconds=1"], "io: rate: expected a number from 0, got 'nan'"),
        (["io:rate=inf,seconds=1"], "io: rate: expected a number from 0, got 'inf'"),
        (["io:rate=1,rate=2,seconds=1"], "io: rate is said twice"),
        (["io:rate=1,seconds=1", "io:rate=2,seconds=1"], "io: said twice; say each queue's whole load once."),
        (["io:rate=1e8,seconds=1"], "io: more than 10000 pods; say a smaller load"),
        (["io:rate=1,seconds=1", "--hours=soon"], "--hours: expected a number from 0, got 'soon'"),
    ],
)
def test_a_load_that_cannot_be_meant_is_refused_in_a_sentence(words: list[str], answer: str) -> None:
    with pytest.raises(CommandError) as refused:
        said(*words)
    assert answer in str(refused.value)
