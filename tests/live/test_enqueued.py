"""Calls by Django's own task API go through outbox, relay, broker and a worker."""

from typing import Any

import pytest

from switchyard.backend.api import Status
from tests.gallery import enqueued
from tests.live.broker import dead
from tests.live.processes import Processes, eventually


def test_a_call_of_djangos_own_runs_in_a_worker_and_one_that_fails_is_dead_lettered(
    yard: Processes, channel: Any
) -> None:
    done, failed, later = (
        enqueued.add.enqueue(1, right=2),
        enqueued.fail.enqueue("no reason"),
        enqueued.later.enqueue("abc"),
    )
    yard.worker("io")
    yard.relay()

    def over() -> bool:
        for result in (done, failed, later):
            result.refresh()
        return all(result.is_finished for result in (done, failed, later))

    eventually(over)
    assert [done.return_value, later.return_value] == [3, "ABC"]
    assert (failed.status, failed.errors[0].exception_class) == (Status.FAILED, ValueError)
    with pytest.raises(ValueError, match="failed"):
        _ = failed.return_value
    assert all("io@" in result.worker_ids[0] for result in (done, failed, later))
    eventually(lambda: dead(channel, "io") == 1)
