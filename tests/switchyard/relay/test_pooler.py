"""Behind a pooler in transaction mode nothing is left on a session, and no LISTEN is believed."""

import time
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.db import connection

from switchyard.relay import wake
from switchyard.relay.wake import Wake
from tests.live.processes import eventually
from tests.switchyard.relay.instant import InstantRelay, keep, session

pytestmark = pytest.mark.django_db(transaction=True)


class Pooled:
    """A client of a pooler: each statement is run by another session of the server's."""

    sessions: list[Any] = []  # noqa: RUF012 - the pool is one

    def __init__(self) -> None:
        with session() as own:
            self._parameters = own.info.dsn, own.info.password
        self._own = self._session()

    def execute(self, statement: str) -> None:
        self.sessions.append(self._session())
        self.sessions[-1].execute(statement)

    def notifies(self, **options: Any) -> Any:
        return self._own.notifies(**options)

    def close(self) -> None:
        self._own.close()

    def __enter__(self) -> "Pooled":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _session(self) -> Any:
        dsn, password = self._parameters
        return REAL_CONNECT(dsn, password=password, autocommit=True)


REAL_CONNECT = wake.psycopg.connect


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


def test_a_listen_that_nothing_comes_of_is_said_once_and_polled_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wake, "_connected", Pooled)
    monkeypatch.setattr(wake, "PROOF_SECONDS", 0.3)
    waiting = Wake()
    with structlog.testing.capture_logs() as logs:
        eventually(lambda: waiting.wait(60) or waiting.hears is False, within=20)
        began = time.monotonic()
        waiting.wait(60)
        assert time.monotonic() - began < 30
    for each in Pooled.sessions:
        each.close()
    [line] = [line for line in logs if line["event"] == "not_listening"]
    assert "transaction mode" in line["reason"]


def test_a_listen_that_is_heard_waits_for_the_commit() -> None:
    waiting = Wake()
    eventually(lambda: waiting.wait(60) or waiting.hears, within=20)
    began = time.monotonic()
    keep(1)
    waiting.wait(60)
    assert time.monotonic() - began < 30
    waiting.close()
