"""The consumer of a worker that does not run."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery.worker import state
from kombu.asynchronous import get_event_loop, set_event_loop

from app.celery import app


@pytest.fixture
def consumer() -> Iterator[Any]:
    """Of a worker that was made and never started."""
    loop = get_event_loop()
    worker = app.WorkController(hostname="one@here", pool="threads", concurrency=1)
    yield worker.consumer
    state.reset_state()
    worker.hub.close()
    set_event_loop(loop)
