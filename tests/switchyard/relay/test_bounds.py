"""What is committed late, left locked, moved or restored is sent all the same."""

from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection

from switchyard.outbox.models import Message
from switchyard.outbox.quarantine import Filters, requeue
from switchyard.relay import everything
from switchyard.relay.everything import Everything
from tests.live.processes import eventually
from tests.pgbouncer import PgBouncer
from tests.switchyard.relay.instant import InstantRelay, insert, keep, session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def heartbeat(settings: Any, tmp_path: Path) -> None:
    settings.SWITCHYARD_HEARTBEAT_FILE = tmp_path / "heartbeat"


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look at everything, which would find in the end what the bounds had passed by."""
    monkeypatch.setattr(Everything, "found", lambda _self: {})


@pytest.mark.usefixtures("blind")
def test_who_commits_after_later_numbers_were_sent_is_sent_at_the_next_turn() -> None:
    relay = InstantRelay()
    relay.turn()
    with session() as slow:
        late = insert(slow, "late")
        for _ in range(5):
            ids = keep(10)
            relay.turn()
            assert relay.sent[-10:] == ids
        slow.commit()
    relay.turn()
    assert relay.sent[-1] == late
    assert not Message.objects.exists()


@pytest.mark.usefixtures("blind")
def test_who_begins_and_ends_between_two_turns_is_not_passed_by() -> None:
    """His number is below one that was sent in the turn that did not see his row."""
    relay = InstantRelay()
    keep(1)
    relay.turn()
    with session() as slow:
        publish = relay.publish

        def slow_publish(messages: Any) -> Any:
            slow.commit()
            return publish(messages)

        relay.publish = slow_publish  # type: ignore[method-assign]
        fetch = relay.fetch

        def beaten_fetch(queue: str, rows: int) -> Any:
            insert(slow, "late")
            keep(1)
            return fetch(queue, rows)

        relay.fetch = beaten_fetch  # type: ignore[method-assign]
        keep(1)
        relay.turn()
        del relay.fetch, relay.publish
    assert "late" not in relay.sent
    relay.turn()
    assert "late" in relay.sent


@pytest.mark.usefixtures("blind")
def test_rows_that_another_has_locked_are_not_passed_by() -> None:
    relay, ids = InstantRelay(), keep(9)
    with session() as other:
        other.execute("SELECT FROM switchyard_outbox WHERE task_id = ANY(%s) FOR UPDATE", [ids[3:5]])
        relay.turn()
        for _ in range(3):
            ids += keep(2)
            relay.turn()
        assert relay.sent == ids[:3] + ids[5:]
        # It dies: nobody is told.
    relay.turn()
    assert set(relay.sent) == set(ids)


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("seed", range(5))
def test_however_commits_and_turns_alternate_everything_is_sent_once(seed: int) -> None:
    alternate(seed)


@pytest.mark.usefixtures("blind")
def test_so_it_is_where_a_pooler_gives_each_transaction_another_session(behind_pgbouncer: PgBouncer) -> None:
    behind_pgbouncer.configure(default_pool_size=10, server_round_robin=1)
    behind_pgbouncer.tell("RELOAD")
    alternate(5)


def alternate(seed: int) -> None:
    """Writers that begin and end in any order, and two relays that look in between."""
    random, relays, open_ = Random(seed), [InstantRelay(3), InstantRelay(7)], []
    committed: set[str] = set()
    for relay in relays:
        relay.turn()
    with ExitStack() as stack:
        sessions = [stack.enter_context(session()) for _ in range(6)]
        open_ = {link: [] for link in sessions}
        for number in range(250):
            link = random.choice(sessions)
            match random.choice(["insert", "insert", "commit", "roll back", "turn", "turn"]):
                case "insert":
                    open_[link].append(insert(link, f"{number}", random.choice(["io", "cpu", "gone"])))
                case "commit":
                    link.commit()
                    committed |= set(open_[link])
                    open_[link] = []
                case "roll back":
                    link.rollback()
                    open_[link] = []
                case "turn":
                    random.choice(relays).turn()
        while relays[0].turn():
            pass
        sent = relays[0].sent + relays[1].sent
        assert set(sent) == committed
        assert len(sent) == len(committed)


def test_a_writer_who_was_there_before_the_relay_is_found_by_the_look_at_everything() -> None:
    with session() as slow:
        insert(slow, "late")
        keep(5)
        relay = InstantRelay()
        relay.turn()
        relay._bounds.remember()
        new = InstantRelay()
        keep(5)
        new.turn()
        slow.commit()
    eventually(lambda: new.turn() or "late" in new.sent, within=10)


def test_a_row_that_was_moved_by_hand_is_found_by_the_look_at_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(everything, "PAUSE_SECONDS", 0.1)
    relay, (moved, *_) = InstantRelay(), keep(3)
    Message.objects.filter(task_id=moved).update(queue="elsewhere", quarantined_at="2026-01-01T00:00:00Z")
    while relay.turn():
        pass
    Message.objects.update(queue="io", quarantined_at=None)
    eventually(lambda: relay.turn() or moved in relay.sent, within=10)


@pytest.mark.usefixtures("blind")
def test_a_database_that_was_restored_is_begun_with_anew() -> None:
    relay = InstantRelay()
    keep(50)
    relay.turn()
    relay.turn()
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE switchyard_outbox_id_seq RESTART WITH 1")
    connection.close()
    [restored] = keep(1)
    relay.turn()
    assert relay.sent[-1] == restored


@pytest.mark.usefixtures("blind")
def test_what_is_requeued_is_sent_at_the_next_turn() -> None:
    relay, (refused, *_) = InstantRelay(), keep(3)
    Message.objects.filter(task_id=refused).update(quarantined_at="2026-01-01T00:00:00Z")
    for _ in range(4):
        relay.turn()
        keep(2)
    assert refused not in relay.sent
    assert requeue(Filters()) == 1
    relay.turn()
    assert relay.sent[-1] == refused
