"""The consumer of a worker that does not run."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery._state import _set_task_join_will_block, task_join_will_block
from celery.signals import worker_init
from celery.worker import state
from kombu.asynchronous import get_event_loop, set_event_loop

from app.celery import app

OWNERSHIP = "switchyard.worker.ownership:OwnershipStep"


@pytest.fixture
def consumer() -> Iterator[Any]:
    """Of a worker that was made and never started, and asks nobody whose the database is."""
    loop, blocks = get_event_loop(), task_join_will_block()
    with pytest.MonkeyPatch.context() as patch:
        # Celery's Django part would close the connections of this process around each task from then on.
        patch.setattr(worker_init, "receivers", [])
        patch.setitem(app.steps, "worker", app.steps["worker"] - {OWNERSHIP})
        worker = app.WorkController(hostname="one@here", pool="threads", concurrency=1)
    yield worker.consumer
    state.reset_state()
    # To make one is to say that this process is a worker, in which nothing waits for a task.
    _set_task_join_will_block(blocks)
    worker.hub.close()
    set_event_loop(loop)
