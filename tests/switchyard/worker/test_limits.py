"""A soft limit hits the call it was meant for, and nothing after it."""

import sys
import threading
import time
from contextlib import suppress

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from switchyard.worker.limits import LimitedCall
from tests.live.processes import eventually

ROUNDS = 3000


def call(soft: float | None = None, hard: float | None = None) -> LimitedCall:
    return LimitedCall("id", soft, hard, report_soft_limit=lambda _soft, _limit: None)


def spin(seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass
    return "done"


def test_a_call_within_its_limits_returns_what_it_returns() -> None:
    limited = call(soft=60, hard=60)
    assert limited.run(spin, (0,), {}) == "done"
    assert not limited.interrupt_if_due()
    assert not limited.give_up_if_due()


@pytest.mark.parametrize("soft", [60, 0.001])
def test_a_thread_that_is_profiled_goes_on_after_its_call(soft: float) -> None:
    """What is raised into a thread and taken back by NULL keeps Python 3.11 from any further step in it."""
    went_on: list[int] = []
    limited = call(soft=soft)

    def work() -> None:
        sys.setprofile(lambda *_: None)
        with suppress(SoftTimeLimitExceeded):
            limited.run(spin, (0.1,), {})
        went_on.append(sum(number for number in range(10)))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    eventually(
        lambda: not thread.is_alive() or limited.ended or limited.interrupt_if_due(), within=10, every=0.001
    )
    thread.join(10)
    assert went_on == [45]


def test_an_interruption_never_arrives_after_its_call() -> None:
    """Calls that end at the very moment of their limit, thousands of them, in one thread as in a pool."""
    current = call()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            current.interrupt_if_due()

    watcher = threading.Thread(target=watch)
    watcher.start()
    interrupted = strays = 0
    try:
        for _ in range(ROUNDS):
            try:
                current = call(soft=0.0005)
                try:
                    assert current.run(spin, (0.0005,), {}) == "done"
                except SoftTimeLimitExceeded:
                    interrupted += 1
                spin(0.0001)
            except SoftTimeLimitExceeded:
                strays += 1
    finally:
        over.set()
        watcher.join()
    assert strays == 0
    assert interrupted > 0


def test_a_call_past_its_hard_limit_is_overdue_once() -> None:
    limited = call(hard=0.01)
    threading.Thread(target=limited.run, args=(spin, (0.3,), {})).start()
    eventually(limited.give_up_if_due, within=10)
    assert limited.overdue
    assert not limited.give_up_if_due()
