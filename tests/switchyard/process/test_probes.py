"""Web's probes tell a worker that gets on from one that only answers, and wait for nobody."""

import time
from threading import Event
from types import SimpleNamespace
from typing import Any

from gunicorn.config import Config
from gunicorn.workers.workertmp import WorkerTmp

from switchyard.process.probes import ANSWER_SECONDS, LOOP_SECONDS, STUCK_SECONDS, alive, ready


def worker(turned_ago: float = 0.0, stuck_for: float = 0.0) -> Any:
    """As gunicorn's, whose file says when its loop turned."""
    tmp = WorkerTmp(Config())
    tmp.notify()
    turned_at = tmp.last_update() - turned_ago
    tmp.close()
    return SimpleNamespace(tmp=SimpleNamespace(last_update=lambda: turned_at), stuck_seconds=stuck_for)


def test_a_worker_that_gets_on_is_alive() -> None:
    assert alive(worker(LOOP_SECONDS / 2, STUCK_SECONDS / 2))() == (True, {"alive": True})


def test_a_loop_that_stands_still_is_not_alive() -> None:
    good, words = alive(worker(turned_ago=LOOP_SECONDS + 1))()
    assert (good, words["loop"]) == (False, f"has stood still for {LOOP_SECONDS + 1:.0f} s")


def test_threads_that_are_all_busy_for_minutes_are_not_alive() -> None:
    good, words = alive(worker(stuck_for=STUCK_SECONDS + 1))()
    assert (good, words["threads"]) == (False, f"have all been busy for {STUCK_SECONDS + 1:.0f} s")


def test_a_database_that_does_not_answer_makes_no_probe_late() -> None:
    answered = Event()

    def look() -> tuple[bool, dict[str, Any]]:
        return answered.wait(60), {"ready": True}

    probe = ready(look)
    began = time.monotonic()
    good, words = probe()
    assert not good
    assert "did not answer within" in words["database"]
    assert time.monotonic() - began < ANSWER_SECONDS + 1
    answered.set()
