"""What a row becomes when it is published."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.celery import app
from switchyard.outbox.capture import captured
from switchyard.outbox.models import Message
from switchyard.relay.link import prepared

io_wait = app.tasks["gallery.io_wait"]


def published(due_in: float | None = None, **options: Any) -> tuple[Any, str, str]:
    with captured() as rows:
        io_wait.apply_async(("a",), **options)
    [row] = rows
    message = Message(pk=1, queue=row.queue, headers=row.headers, properties=row.properties, body=row.body)
    message.due_in = due_in
    return prepared(message)


def test_an_expiry_without_a_zone_is_utc_as_it_is_to_celerys_worker() -> None:
    expires = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=10)
    for written in (expires, expires.isoformat()):
        message, *_ = published(expires=written)
        assert 590_000 < int(message.properties["expiration"]) <= 600_000


def test_an_expiry_that_has_passed_lets_the_message_live_no_longer() -> None:
    message, *_ = published(expires=datetime.now(UTC) - timedelta(minutes=10))
    assert message.properties["expiration"] == "0"


@pytest.mark.parametrize(("due_in", "exchange"), [(0.2, "celery_delayed_27"), (-5, "tasks"), (None, "tasks")])
def test_what_is_not_due_goes_to_a_delay_and_has_no_expiry_on_the_way(
    due_in: float | None, exchange: str
) -> None:
    message, found, routing_key = published(due_in, expires=datetime.now(UTC) + timedelta(minutes=10))
    assert found == exchange
    assert routing_key.endswith("io")
    assert ("expiration" in message.properties) == (exchange == "tasks")
