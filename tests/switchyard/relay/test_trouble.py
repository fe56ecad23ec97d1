"""What is wrong is said when it begins and when it is over, also where no message is left to prove it."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """Stands for the publisher's connection."""

    proven = True

    def __init__(self) -> None:
        self.away = True

    def connect(self) -> None:
        if self.away:
            raise ConnectionRefusedError("nobody there")

    def blocked(self) -> bool:
        return False

    def confirmed_late(self) -> dict[int, str]:
        return {}


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Any:
    relay: Any = Relay(RelayMetrics())
    relay._publisher = Broker()
    monkeypatch.setattr(relay._broker, "over", lambda: True)
    monkeypatch.setattr(relay, "relay", lambda queue: False)
    return relay


def turn(relay: Any) -> list[str]:
    with capture_logs() as lines:
        relay.turn()
    return [line["event"] for line in lines]


def test_a_broker_that_is_back_while_nothing_waits_is_in_no_trouble(relay: Any) -> None:
    assert turn(relay) == ["broker_away"]
    slow = relay._pause_seconds()
    relay._publisher.away = False
    assert turn(relay) == ["relaying_again"]
    assert turn(relay) == []
    assert relay._pause_seconds() > slow


def test_a_connection_alone_ends_no_trouble_while_messages_wait(relay: Any) -> None:
    app.tasks["gallery.io_wait"].delay_on_commit("a")
    assert turn(relay) == ["broker_away"]
    relay._publisher.away = False
    assert turn(relay) == []


def test_a_queue_whose_messages_are_gone_is_in_no_trouble(relay: Any) -> None:
    app.tasks["gallery.io_wait"].delay_on_commit("a")
    relay._publisher.away = False
    relay._say("io", "queue_full", "for the test")
    assert turn(relay) == []
    Message.objects.all().delete()
    assert turn(relay) == ["relaying_again"]
