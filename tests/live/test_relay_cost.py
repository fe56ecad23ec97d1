"""What a batch costs the relay, in what can be counted: statements, and frames to the broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from app.celery import app
from switchyard.outbox.models import Message
from switchyard.relay.metrics import RelayMetrics
from switchyard.relay.relay import Relay


@pytest.fixture
def relay(vhost, transactional_db: None, settings, tmp_path: Path) -> Iterator[Relay]:
    # In this process, so not by the environment: the default is one file for whoever runs on this machine.
    settings.SWITCHYARD_HEARTBEAT_FILE = tmp_path / "heartbeat"
    call_command("switchyard", "topology", "apply", verbosity=0)
    relay = Relay(RelayMetrics())
    # The first row proves the connection, alone.
    turn(relay, 1)
    yield relay
    relay._publisher.close()


def turn(relay: Relay, rows: int) -> tuple[int, int]:
    """Statements and frames of the turn that relays so many rows of one queue."""
    with transaction.atomic():
        for number in range(rows):
            app.tasks["gallery.io_wait"].delay_on_commit(str(number))
    before = frames(relay)
    with CaptureQueriesContext(connection) as queries:
        assert relay.turn()
    assert not Message.objects.exists()
    return len(queries), frames(relay) - before


def frames(relay: Relay) -> int:
    link = relay._publisher._link
    return int(link._connection.connection.bytes_sent) if link else 0


def test_a_batch_is_the_same_statements_and_a_frame_a_row_however_large_it_is(relay: Relay) -> None:
    one, many = turn(relay, 1), turn(relay, 150)
    assert one[0] == many[0] <= 7
    # Now and then a heartbeat.
    assert 150 <= many[1] <= 152
