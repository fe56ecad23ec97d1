"""Rows that were sent and are kept for somebody's long transaction cost nobody anything."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from switchyard.outbox.backlog import backlogs
from switchyard.outbox.models import Message
from switchyard.relay.everything import Everything
from tests.blocks import blocks_read_by
from tests.switchyard.relay.instant import InstantRelay, fill, open_transaction, read_by

pytestmark = pytest.mark.django_db(transaction=True)

BATCH, BATCHES = 100, 15
MANY = 20_000


@pytest.fixture(autouse=True)
def heartbeat(settings: Any, tmp_path: Path) -> None:
    settings.SWITCHYARD_HEARTBEAT_FILE = tmp_path / "heartbeat"


def everything() -> None:
    """By the index, although the statistics may say that the table is empty."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(
            "SELECT FROM switchyard_outbox WHERE quarantined_at IS NULL AND queue = 'io' ORDER BY id"
        )


def send_batches(relay: InstantRelay) -> None:
    """And have the relay write down how far it has come."""
    for _ in range(BATCHES):
        fill(BATCH)
        relay.turn()
    relay._bounds.remember()


def test_a_turn_reads_as_many_rows_beside_thousands_that_are_gone_as_beside_none() -> None:
    relay, read = InstantRelay(BATCH), []
    with open_transaction():
        for _ in range(BATCHES):
            fill(BATCH)
            read.append(read_by(relay.turn))
        assert not Message.objects.exists()
        assert read_by(everything) >= BATCH * BATCHES, "what was deleted is kept"
    # The batch itself three times (what waits, locked, seen), and the last one that is gone.
    assert max(read[2:]) <= read[1] + BATCH <= 8 * BATCH


def test_a_turn_reads_as_many_blocks_beside_tens_of_thousands_that_are_gone_and_that_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It would find once more what this deletes in the relay's place.
    monkeypatch.setattr(Everything, "found", lambda _self: {})
    relay = InstantRelay(BATCH)
    with open_transaction():
        few, many = (beside(relay, gone) for gone in (MANY // 20, MANY))
        fill(MANY)
        waiting = settled_turn(relay)
        assert Message.objects.count() >= MANY - 2 * BATCH
    assert max(many, waiting) <= 1.2 * few


def beside(relay: InstantRelay, gone: int) -> int:
    fill(gone)
    Message.objects.all().delete()
    return settled_turn(relay)


def settled_turn(relay: InstantRelay) -> int:
    """Blocks that a turn of one batch reads, when it has been two turns since anything else was there."""
    for _ in range(2):
        fill(BATCH)
        relay.turn()
    fill(BATCH)
    return blocks_read_by(relay.turn)


def test_who_counts_what_waits_begins_where_the_relay_has_come_to() -> None:
    relay = InstantRelay(BATCH)
    with open_transaction():
        send_batches(relay)
        fill(3)
        found = []
        assert read_by(lambda: found.append(backlogs())) <= BATCH
        assert [(each.queue, each.waiting, each.estimated) for each in found[0]] == [("io", 3, False)]


def test_a_new_relay_begins_where_the_last_one_has_come_to() -> None:
    last = InstantRelay(BATCH)
    with open_transaction():
        send_batches(last)
        new = InstantRelay(BATCH)
        fill(BATCH)
        assert read_by(new.turn) <= 8 * BATCH
        assert len(new.sent) == BATCH


@pytest.mark.parametrize("analyzed", ["empty", "full of another queue's"])
def test_the_plan_does_not_hang_on_what_the_statistics_say(analyzed: str) -> None:
    relay = InstantRelay(BATCH)
    if analyzed != "empty":
        fill(300, "cpu")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE switchyard_outbox")
    fill(5000)
    fill(3, "cpu")
    for _ in range(6):
        assert read_by(relay.turn) <= 12 * BATCH
    assert Message.objects.filter(queue="cpu").count() == 0
    assert len(relay.sent) >= 6 * BATCH
