"""How long a worker waits before it connects again, and for how long it does at all."""

from collections.abc import Iterator
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, ConnectionForced, NotAllowed, PreconditionFailed, ResourceError
from celery.exceptions import WorkerShutdown
from structlog.testing import capture_logs

from switchyard.worker import backoff

FULL = "connection to vhost 'v' refused: vhost 'v' connection limit (1) is reached"
#: Of 3.10 and of 4.3.
NO_CHANNELS = "number of channels opened for user 'u' has reached the maximum allowed user limit of "
#: Of py-amqp, which counts what the broker allows a connection.
NO_CHANNEL_IDS = "No free channel ids, current=2, channel_max=1"
NO_QUEUES = "cannot declare queue 'io': queue limit in vhost 'v' (1) is reached"
OF_ANOTHER_TYPE = (
    "inequivalent arg 'x-delivery-limit' for queue 'io' in vhost 'v': received none but current is 5"
)
NO_RIGHT = "access to exchange 'celery.pidbox' in vhost 'v' refused for user 'u'"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(backoff, "_wait", lambda seconds, look: waited.append(seconds))
    return waited


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AccessRefused("wrong password"), [1, 2, 4, 8, 16, 30, 30]),
        (AccessRefused(NO_RIGHT), [1, 2, 4, 8, 16, 30, 30]),
        (PreconditionFailed(OF_ANOTHER_TYPE), [1, 2, 4, 8, 16, 30, 30]),
        (ResourceError(NO_CHANNEL_IDS), [1, 2, 4, 8, 16, 30, 30]),
        (NotAllowed(FULL), [0, 1, 3, 5, 5, 5, 5]),
        (NotAllowed(f"{NO_CHANNELS}(1)"), [0, 1, 3, 5, 5, 5, 5]),
        (NotAllowed(f"{NO_CHANNELS}1"), [0, 1, 3, 5, 5, 5, 5]),
        (PreconditionFailed(NO_QUEUES), [0, 1, 3, 5, 5, 5, 5]),
        (ConnectionForced("going down"), [0, 1, 3, 5, 5, 5, 5]),
    ],
)
def test_the_pause_grows_until_the_worker_consumes(
    consumer: Any, pauses: list[float], error: Exception, expected: list[float]
) -> None:
    for _ in expected:
        consumer.on_connection_error_before_connected(error)
    assert pauses == expected
    consumer.loop_args()
    consumer.on_connection_error_before_connected(error)
    assert pauses[-1] == expected[0]


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (AccessRefused("Login was refused"), "correct BROKER_URL, "),
        (AccessRefused(NO_RIGHT), "Grant the user that right "),
        (PreconditionFailed(OF_ANOTHER_TYPE), "`python -m app topology check` "),
        (NotAllowed(f"{NO_CHANNELS}1"), "End some, or have the limit raised "),
        (ResourceError(NO_CHANNEL_IDS), "End some, or have the limit raised "),
        (PreconditionFailed(NO_QUEUES), "End some, or have the limit raised "),
        (ConnectionForced("going down"), ""),
    ],
)
def test_the_sentence_has_the_remedy_of_what_was_refused(
    consumer: Any, error: Exception, remedy: str
) -> None:
    with capture_logs() as said:
        consumer.on_connection_error_before_connected(error)
        consumer.on_connection_error_before_connected(error)
    [refused] = [line for line in said if line["event"] == "consuming_refused"]
    assert refused["remedy"].startswith(remedy)
    assert bool(refused["remedy"]) == bool(remedy)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Ten seconds later at each look; nobody sleeps."""
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr(backoff.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(backoff.time, "sleep", lambda _: None)
    return clock


def test_a_worker_leaves_when_it_was_refused_for_so_long(
    consumer: Any, settings: Any, clock: Iterator[int]
) -> None:
    settings.SWITCHYARD_WAIT_SECONDS = 60
    with pytest.raises(WorkerShutdown) as left:
        refuse(consumer, AccessRefused("wrong password"))
    assert left.value.code == 3
    assert next(clock) <= 200


@pytest.mark.usefixtures("clock")
def test_a_worker_that_cannot_reach_its_broker_stays(consumer: Any, settings: Any) -> None:
    settings.SWITCHYARD_WAIT_SECONDS = 0
    refuse(consumer, ConnectionForced("going down"))


def refuse(consumer: Any, error: Exception) -> None:
    for _ in range(20):
        consumer.on_connection_error_before_connected(error)
