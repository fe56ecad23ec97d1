"""Behind a pooler in transaction mode nothing is left on a session, and no LISTEN is believed."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.db import connection

from switchyard.relay import wake
from switchyard.relay.wake import Wake
from tests.live.processes import eventually
from tests.pgbouncer import PgBouncer
from tests.switchyard.relay.instant import InstantRelay, keep, session

pytestmark = pytest.mark.django_db(transaction=True)


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


def test_a_batch_leaves_no_setting_on_its_session(settings: Any, tmp_path: Path) -> None:
    settings.SWITCHYARD_HEARTBEAT_FILE = tmp_path / "heartbeat"
    connection.close()
    relay, seen = InstantRelay(), []
    publish = relay.publish

    def looking(messages: Any) -> Any:
        seen.append(setting("idle_in_transaction_session_timeout"))
        return publish(messages)

    relay.publish = looking  # type: ignore[method-assign]
    keep(3)
    assert relay.turn()
    assert seen == ["1min"]
    assert setting("idle_in_transaction_session_timeout") == "0"


def left_listening() -> bool:
    """Whether a session that clients of a pooler share listens. All that are free are asked at once."""
    channels = set()
    with ExitStack() as stack:
        for _ in range(4):
            link = stack.enter_context(session())
            channels |= {name for (name,) in link.execute("SELECT pg_listening_channels()").fetchall()}
    return bool(channels)


def test_behind_a_pooler_nobody_listens_and_it_is_said_once_and_polled(behind_pgbouncer: PgBouncer) -> None:
    # An UNLISTEN then goes to another session than the LISTEN.
    behind_pgbouncer.configure(server_round_robin=1)
    behind_pgbouncer.tell("RELOAD")
    assert not left_listening()
    waiting = Wake()
    with structlog.testing.capture_logs() as logs:
        eventually(lambda: waiting.wait(60) or waiting.hears is False, within=20)
        began = time.monotonic()
        waiting.wait(60)
        assert time.monotonic() - began < 30
    [line] = [line for line in logs if line["event"] == "not_listening"]
    assert "transaction mode" in line["reason"]
    assert not left_listening()


@pytest.mark.usefixtures("behind_pgbouncer")
def test_a_pooler_that_is_not_recognised_is_found_out_by_the_notification_that_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wake, "shares_sessions", lambda: False)
    monkeypatch.setattr(wake, "PROOF_SECONDS", 0.3)
    waiting = Wake()
    eventually(lambda: waiting.wait(60) or waiting.hears is False, within=20)


def test_a_listen_that_is_heard_waits_for_the_commit() -> None:
    waiting = Wake()
    eventually(lambda: waiting.wait(60) or waiting.hears, within=20)
    began = time.monotonic()
    keep(1)
    waiting.wait(60)
    assert time.monotonic() - began < 30
    waiting.close()
