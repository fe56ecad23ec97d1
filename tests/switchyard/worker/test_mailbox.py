"""What threads leave for the loop is done there, once, all of it, whatever one of them does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from switchyard.worker.mailbox import Mailbox


class Loop:
    """Keeps what it is called for until ``turn``."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.blocks = 0
        self.mailbox = Mailbox(self, self.block)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.calls.append(callback)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()

    @contextmanager
    def block(self) -> Iterator[None]:
        self.blocks += 1
        yield


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_jobs_of_threads_are_done_by_the_loop_in_one_block() -> None:
    loop, done = Loop(), []

    def post() -> None:
        for number in range(50):
            loop.mailbox.post(lambda number=number: done.append((number, threading.current_thread())))

    in_a_thread(post)
    assert not done
    assert len(loop.calls) == 1
    loop.turn()
    assert done == [(number, threading.main_thread()) for number in range(50)]
    assert loop.blocks == 1
    in_a_thread(post)
    assert len(loop.calls) == 1


def test_the_loops_own_jobs_are_done_at_once() -> None:
    """kombu's loop is not woken by itself: it would lie there until the next event."""
    loop, done = Loop(), []
    loop.mailbox.post(lambda: done.append(1))
    assert done == [1]
    assert not loop.calls


def test_a_job_that_fails_stops_no_other_and_says_whose_it_was(caplog: pytest.LogCaptureFixture) -> None:
    loop, done = Loop(), []

    def post() -> None:
        loop.mailbox.post(lambda: 1 / 0, "t-1")
        loop.mailbox.post(lambda: done.append(1))

    in_a_thread(post)
    loop.turn()
    assert done == [1]
    assert "task_outcome_unreported" in caplog.text
    assert "t-1" in caplog.text


def test_a_call_that_the_loop_forgot_is_made_again() -> None:
    loop, done = Loop(), []
    in_a_thread(lambda: loop.mailbox.post(lambda: done.append(1)))
    loop.calls.clear()
    in_a_thread(lambda: loop.mailbox.post(lambda: done.append(2)))
    assert not loop.calls
    loop.mailbox.call()
    loop.turn()
    assert done == [1, 2]
    loop.mailbox.call()
    assert not loop.calls


def test_a_job_that_posts_another_is_followed_by_it() -> None:
    loop, done = Loop(), []
    in_a_thread(lambda: loop.mailbox.post(lambda: loop.mailbox.post(lambda: done.append(1))))
    loop.turn()
    assert done == [1]
