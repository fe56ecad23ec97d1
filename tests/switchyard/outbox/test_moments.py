"""A moment without a zone is UTC, as Celery reads it, whatever the settings and the host say of zones."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from kombu.utils.json import loads

from app.celery import app
from switchyard.outbox.capture import captured
from switchyard.outbox.journal import due_at
from switchyard.outbox.models import Message
from switchyard.outbox.rows import Row
from switchyard.relay.link import prepared

io_wait: Any = app.tasks["gallery.io_wait"]

Send = Callable[[datetime], object]


def declared(expires: datetime) -> None:
    def nothing() -> None: ...

    try:
        app.task(name="gallery.io_short_lived", expires=expires, shared=False)(nothing).delay()
    finally:
        app.tasks.unregister("gallery.io_short_lived")


WAYS: list[Send] = [
    lambda moment: io_wait.apply_async(("a",), expires=moment),
    lambda moment: io_wait.s("a").set(expires=moment).apply_async(),
    lambda moment: app.send_task("gallery.io_wait", ("a",), expires=moment),
    declared,
]


@pytest.fixture(autouse=True, params=[(True, True, None), (False, False, None), (True, True, "Asia/Tokyo")])
def zones(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """USE_TZ, Celery's enable_utc and timezone, on a host that is far from UTC."""
    settings.USE_TZ, enable_utc, zone = request.param
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    monkeypatch.setitem(app.conf, "enable_utc", enable_utc)
    monkeypatch.setitem(app.conf, "timezone", zone)
    monkeypatch.delitem(vars(app), "timezone", raising=False)
    yield
    monkeypatch.undo()
    time.tzset()
    vars(app).pop("timezone", None)


def kept(send: Callable[[], object]) -> Row:
    with captured() as rows:
        send()
    [row] = rows
    return row


@pytest.mark.parametrize("send", WAYS)
def test_an_expiry_without_a_zone_is_utc(send: Send) -> None:
    expires = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=10)
    row = kept(lambda: send(expires))
    message = Message(pk=1, queue=row.queue, headers=row.headers, properties=row.properties, body=row.body)
    content, *_ = prepared(message)
    assert 590_000 < int(content.properties["expiration"]) <= 600_000


@pytest.mark.parametrize("zone", [UTC, None])
def test_an_eta_without_a_zone_is_utc(zone: Any) -> None:
    eta = datetime.now(UTC).replace(tzinfo=zone) + timedelta(minutes=10)
    for call in (io_wait.apply_async, partial(app.send_task, io_wait.name)):
        row = kept(partial(call, ("a",), eta=eta))
        assert row.due is not None
        assert 590 < row.due - time.monotonic() <= 601
        assert 590 < due_at(loads(row.headers)) - time.time() <= 601
