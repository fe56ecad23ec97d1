"""`doctor` tells what is bad and what mends it, within its seconds, whatever is away, and tells no secret."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import StringIO
from threading import Event
from typing import Any
from uuid import uuid4

import amqp
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from switchyard.deadline import BoundedRead
from switchyard.doctor import look
from switchyard.doctor.examination import CODES
from switchyard.installation import BEAT, lock
from switchyard.pooler import connected
from tests.live.broker import Vhost
from tests.live.processes import Processes, eventually

#: The longest that it may take, its start apart.
WITHIN_SECONDS = 15


def doctor(*words: str) -> tuple[int, str]:
    """Its exit code and what it says."""
    output = StringIO()
    began = time.monotonic()
    try:
        call_command("switchyard", "doctor", *words, stdout=output)
        code = 0
    except CommandError as error:
        code = error.returncode
    assert time.monotonic() - began < WITHIN_SECONDS
    return code, output.getvalue()


def states() -> dict[str, tuple[str, str, str]]:
    """Look to state, what it says, and what mends it."""
    code, said = doctor("--json")
    found = {each["name"]: (each["state"], each["says"], each["mend"]) for each in json.loads(said)["looks"]}
    worst = {state for state, _, _ in found.values()}
    assert code == CODES["bad" if "bad" in worst else "unknown" if "unknown" in worst else "green"]
    return found


@contextmanager
def roles(*names: str) -> Iterator[None]:
    """Sessions with their names, and beat's lease: what each leaves at the database."""
    links = [connected(application_name=f"{name} @pod-1") for name in names]
    try:
        links[0].execute("SELECT pg_advisory_lock(%s, %s)", lock(BEAT))
        yield
    finally:
        for link in links:
            link.close()


@contextmanager
def unapplied(migration: str) -> Iterator[None]:
    """As a release before this one has left the database."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'switchyard' AND name = %s", [migration])
        yield
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('switchyard', %s, now())", [migration]
        )


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Leads Django's default connection elsewhere until the test ends; threads make their own from it."""

    def move(**settings: Any) -> None:
        for name, value in settings.items():
            monkeypatch.setitem(connection.settings_dict, name, value)

    connection.close()
    yield move
    monkeypatch.undo()
    connection.close()


def test_all_is_green_where_all_is_well(yard: Processes) -> None:
    with roles("beat", "relay", "exporter", "web"):
        eventually(lambda: states()["alerts"][0] == "green", within=180)
        code, said = doctor()
    assert code == 0, said
    assert said.rstrip().endswith("0 bad, 0 unknown.")
    assert re.search(r"green +broker +RabbitMQ \d+\.\d+.* lets ", said)
    assert "exchanges, queues, bindings and policies are as declared" in said


def test_what_is_bad_is_told_with_the_command_that_mends_it(yard: Processes, channel: Any) -> None:
    channel.queue_delete("cpu.dead")
    channel.basic_publish(amqp.Message("{}"), "tasks", "io")
    with unapplied("0011_enqueued"):
        found = eventually(lambda: (seen := states())["worker io"][0] == "bad" and seen, within=180)
    assert found["topology and policies"][0] == "bad"
    assert "cpu.dead" in found["topology and policies"][1]
    assert "`python -m app topology apply`" in found["topology and policies"][2]
    assert "Start one: `python -m app worker io`" in found["worker io"][2]
    assert found["migrations"][1:] == (
        "1 are not applied, the first switchyard.0011_enqueued",
        "Run `python -m app release`.",
    )
    assert "python -m app beat" in found["beat"][2]
    assert found["relay"] == (
        "bad",
        "no session at the database: it is not running",
        "Start it: `python -m app relay`, or `kubectl rollout restart deployment/relay`.",
    )
    # Either may be between two of its looks.
    assert found["exporter"][0] == found["web"][0] == "unknown"
    assert "QueueHasNoConsumers io" in found["alerts"][1]


def test_missing_rights_are_named_with_the_statement_that_gives_them(yard: Processes, moved) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE weak LOGIN PASSWORD 'weak-password'")
        cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO weak")
    try:
        moved(USER="weak", PASSWORD="weak-password")
        state, says, mend = states()["database rights"]
    finally:
        moved(USER="postgres")
    assert state == "bad"
    assert says.startswith("weak lacks DELETE on ")
    assert mend.endswith("ON ALL TABLES IN SCHEMA public TO weak.")


def away_database(moved, settings, silent) -> AbstractContextManager[Any]:
    moved(PORT="1")
    return nullcontext()


def silent_database(moved, settings, silent) -> AbstractContextManager[Any]:
    moved(HOST="127.0.0.1", PORT=str(silent))
    return nullcontext()


def wrong_password(moved, settings, silent) -> AbstractContextManager[Any]:
    moved(USER="nobody-of-that-name", PASSWORD="wrong-password")
    return nullcontext()


def away_broker(moved, settings, silent) -> AbstractContextManager[Any]:
    settings.CELERY_BROKER_URL = "pyamqp://user:away-password@127.0.0.1:1/"
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = "http://user:away-password@127.0.0.1:1"
    return nullcontext()


def silent_broker(moved, settings, silent) -> AbstractContextManager[Any]:
    settings.CELERY_BROKER_URL = f"pyamqp://user:away-password@127.0.0.1:{silent}/"
    settings.SWITCHYARD_BROKER_MANAGEMENT_URL = f"http://user:away-password@127.0.0.1:{silent}"
    return nullcontext()


def wrong_broker_password(moved, settings, silent) -> AbstractContextManager[Any]:
    for name in ("CELERY_BROKER_URL", "SWITCHYARD_BROKER_MANAGEMENT_URL"):
        address = re.sub(r"//[^@]*@", "//nobody:wrong-password@", getattr(settings, name))
        if "@" not in address:
            address = address.replace("//", "//nobody:wrong-password@")
        setattr(settings, name, address)
    return nullcontext()


@contextmanager
def locked_outbox(moved, settings, silent) -> Iterator[None]:
    with connected() as link, link.transaction():
        link.execute("LOCK TABLE switchyard_outbox, django_migrations IN ACCESS EXCLUSIVE MODE")
        yield


FAULTS: dict[str, tuple[Callable[..., Any], set[str], str]] = {
    "the database is away": (
        away_database,
        {"database", "migrations", "beat"},
        "Start it, or correct DATABASE_URL",
    ),
    "the database says nothing": (silent_database, {"database", "migrations", "beat"}, ""),
    "the database's password is wrong": (wrong_password, {"database", "migrations"}, "correct DATABASE_URL"),
    "the broker is away": (
        away_broker,
        {"broker", "broker nodes", "topology and policies"},
        "correct BROKER_URL",
    ),
    "the broker says nothing": (
        silent_broker,
        {"broker", "broker nodes", "worker io"},
        "BROKER_MANAGEMENT_URL",
    ),
    "the broker's password is wrong": (
        wrong_broker_password,
        {"broker", "broker clock"},
        "wrong name or password",
    ),
    "tables are locked": (locked_outbox, {"migrations"}, "database locks"),
}


def test_what_cannot_be_seen_is_unknown_soon_and_hides_nothing_else(
    yard: Processes, moved, settings, silent, subtests
) -> None:
    before = dict(connection.settings_dict)
    addresses = settings.CELERY_BROKER_URL, settings.SWITCHYARD_BROKER_MANAGEMENT_URL
    for fault, (causes, unknown, said) in FAULTS.items():
        with subtests.test(fault):
            with causes(moved, settings, silent):
                _, text = doctor("--json")
            found = {each["name"]: each["state"] for each in json.loads(text)["looks"]}
            assert {name for name in unknown if found[name] != "unknown"} == set(), text
            assert said in text
            assert "-password" not in text
            assert found["broker" if "database" in unknown else "database"] == "green", text
        moved(**before)
        settings.CELERY_BROKER_URL, settings.SWITCHYARD_BROKER_MANAGEMENT_URL = addresses


def waits() -> str:
    """What `database locks` says; empty where nobody waits."""
    output = StringIO()
    try:
        call_command("switchyard", "database", "locks", stdout=output)
    except CommandError:
        return output.getvalue()
    return ""


def end(pid: int, *words: str) -> None:
    call_command("switchyard", "database", "end", str(pid), *words, stdout=StringIO())


def test_a_lock_is_told_with_who_waits_and_who_holds_it(yard: Processes) -> None:
    holder, other = connected(application_name="psql @laptop"), connected(application_name="relay @p")
    holder.autocommit = False
    holder.execute("LOCK TABLE switchyard_outbox IN ACCESS EXCLUSIVE MODE")
    pid = holder.info.backend_pid
    waiting = BoundedRead(lambda: other.execute("SELECT count(*) FROM switchyard_outbox").fetchone(), 60)
    counted = waiting.begin()
    text = eventually(waits, what="somebody who waits")
    assert "relay @p" in text
    assert re.search(rf"{pid} \(\w+ psql @laptop", text)
    end(pid)
    assert waits()
    end(pid, "--yes")
    assert counted.result(60) == (0,)
    eventually(lambda: not waits(), what="nobody who waits")
    with pytest.raises(CommandError, match="No session of this database has the pid") as ended:
        end(pid)
    assert ended.value.returncode == 1
    holder.close()
    other.close()


def test_a_bundle_holds_what_a_bug_report_needs_and_no_secret(
    yard: Processes, vhost: Vhost, settings, tmp_path
) -> None:
    planted = {name: f"{name}{uuid4().hex}" for name in ("key", "mail", "fallback", "other", "said")}
    settings.SECRET_KEY, settings.EMAIL_HOST_PASSWORD = planted["key"], planted["mail"]
    settings.SECRET_KEY_FALLBACKS = [planted["fallback"]]
    settings.CELERY_BROKER_URL = f"{vhost.url};pyamqp://somebody:{planted['other']}@127.0.0.1:1/"
    settings.SWITCHYARD_EXTRA = {"cache": f"redis://:{planted['other']}@host", "api_key": planted["key"]}
    with connected() as link:
        # A secret in somebody's statement, which is so long that the server has cut the literal's end.
        link.execute(f"SELECT '{planted['said']}{'x' * 5000}'")
        file = tmp_path / "bundle.json"
        doctor(f"--bundle={file}")
    found = json.loads(file.read_text())
    assert {"versions", "doctor", "settings", "queues", "queue_states", "database_sessions"} <= set(found)
    assert set(found["queue_states"]) == {"io", "cpu"}
    assert found["topology_differences"] == []
    text = file.read_text()
    secrets = [*planted.values(), str(connection.settings_dict["PASSWORD"]) or "nothing"]
    assert [word for word in secrets if word in text] == []
    password = re.search(r"://[^:]+:([^@]+)@", vhost.url)
    assert password is None or f":{password[1]}@" not in text
    assert json.loads(doctor("--bundle=-")[1])["at"]
    with pytest.raises(CommandError, match="name one below /tmp"):
        call_command("switchyard", "doctor", "--bundle=/no/such/folder/bundle", stdout=StringIO())


def test_a_look_that_hangs_costs_its_own_seconds_and_no_others() -> None:
    over = Event()
    began = time.monotonic()
    hanging = look.Look("hangs", lambda: look.Found(str(over.wait(60))), 0.2)
    found = look.answers([hanging, hanging, look.Look("does not", lambda: look.Found("well"))])
    over.set()
    assert [answer.state for answer in found] == ["unknown", "unknown", "green"]
    assert time.monotonic() - began < 5
