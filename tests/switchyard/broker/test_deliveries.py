"""What the broker says of how often it has handed a message out."""

import pytest
from celery.app.task import Context

from switchyard.broker.deliveries import deliveries, failed, given_back


@pytest.mark.parametrize(
    ("headers", "returns"),
    [
        ({}, 0),
        # RabbitMQ 3.10
        ({"delivery": 3}, 3),
        # RabbitMQ 4.3: five deliveries before this one, of which two ended with a worker
        ({"acquired": 5, "delivery": 2}, 3),
        ({"acquired": 5}, 5),
    ],
)
def test_the_broker_says_how_often_a_message_was_given_back(headers: dict[str, int], returns: int) -> None:
    assert given_back({f"x-{name}-count": count for name, count in headers.items()}) == returns


@pytest.mark.parametrize("said", ["3", "evil", [3], {"a": 3}, 1.5, None])
def test_what_is_no_number_counts_as_none(said: object) -> None:
    """A sender may write the header too, and no message ends the worker."""
    headers = {"x-delivery-count": said, "x-acquired-count": said}
    assert (deliveries(headers), failed(headers), given_back(headers)) == (1, 0, 0)


def test_a_tasks_request_has_them_too() -> None:
    assert deliveries(Context({"x-delivery-count": 2, "x-acquired-count": 5})) == 6
    assert deliveries(Context()) == 1
